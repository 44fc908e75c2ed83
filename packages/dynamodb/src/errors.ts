import { WaxsealError } from '@waxseal/core'

/**
 * What an AWS SDK error means to whoever runs the store. Rests on error names, which are part of the service's API;
 * on messages only where the SDK throws a plain Error. `action`: what was denied, where a policy may well leave it out.
 */
export function toStoreError(error: unknown, tableName: string, partitionKey: string, action = 'access'): WaxsealError {
  if (error instanceof WaxsealError) return error
  const { name = '', message = '' } = error instanceof Error ? error : {}
  const fail = (code: ConstructorParameters<typeof WaxsealError>[0], text: string, retryable = false) =>
    new WaxsealError(code, text, { cause: withoutExchange(error), retryable })

  if (name === 'ResourceNotFoundException') {
    const remedy = 'create it once with createSessionTable(), or check the table name, region and account'
    return fail('ERR_WAXSEAL_TABLE_INVALID', `DynamoDB has no table ${JSON.stringify(tableName)}: ${remedy}`)
  }
  if (name === 'ValidationException') {
    if (/item size/i.test(message)) {
      return fail('ERR_WAXSEAL_SESSION_TOO_LARGE', 'DynamoDB refused the item: it is larger than 400 KB')
    }
    const key = `one string partition key named ${JSON.stringify(partitionKey)} and no sort key`
    const remedy = 'set the option partitionKey to the name that the table has, or create one with createSessionTable()'
    const text = `DynamoDB refused the request. The table ${JSON.stringify(tableName)} must have ${key}: ${remedy}`
    return fail('ERR_WAXSEAL_TABLE_INVALID', text)
  }
  if (name === 'CredentialsProviderError' || /could not load credentials/i.test(message)) {
    const remedy = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the host a role'
    return fail('ERR_WAXSEAL_CONFIG', `No AWS credentials found: ${remedy}`)
  }
  if (/region is missing/i.test(message)) {
    return fail('ERR_WAXSEAL_CONFIG', 'No AWS region found: set AWS_REGION, or `region` on the client')
  }
  if (credentialErrors.has(name)) {
    const remedy = 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN'
    // No cause: a signature error's message quotes the canonical request, the session token among its headers.
    return new WaxsealError('ERR_WAXSEAL_CONFIG', `AWS does not accept the credentials (${name}): ${remedy}`)
  }
  if (name === 'AccessDeniedException') {
    const remedy = 'sessionTablePolicy() gives the statement to allow'
    const text = `AWS denies ${action} to the table ${JSON.stringify(tableName)}: ${remedy}`
    return fail('ERR_WAXSEAL_CONFIG', text)
  }
  return fail('ERR_WAXSEAL_STORE_UNAVAILABLE', `DynamoDB did not answer as it should (${name || 'unknown'})`, true)
}

/**
 * The SDK hangs the raw exchange on some errors, for good; its request headers hold a temporary credential's token.
 * Such an error is passed on as a copy without it.
 */
export function withoutExchange(error: unknown): unknown {
  if (!(error instanceof Error && '$response' in error)) return error
  const { name, message, stack } = error
  const { $metadata, code } = error as { $metadata?: unknown; code?: unknown }
  return Object.assign(new Error(message), { name, stack, code, $metadata })
}

const credentialErrors: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'ExpiredTokenException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'IncompleteSignatureException',
])
