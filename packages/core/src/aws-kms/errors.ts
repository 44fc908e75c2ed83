import { WaxsealError } from '../errors.ts'

/** KMS said: not with this key. Anything else that goes wrong is no reason to drop the keys that are held. */
const denied: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'DisabledException',
  'KMSInvalidStateException',
  'NotFoundException',
])

/** A key of another kind or a name that KMS does not take. */
const unfit: ReadonlySet<string> = new Set([
  'InvalidArnException',
  'InvalidKeyUsageException',
  'UnsupportedOperationException',
  'ValidationException',
])

/** KMS did not answer in time. */
export class KmsTimeout extends Error {
  override readonly name = 'KmsTimeout'

  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`)
  }
}

/**
 * What an error of the SDK means to whoever holds data keys. Rests on error names, which are part of the service's API;
 * on a message only where the SDK throws a plain Error.
 *
 * @param key what to call the key in the message; no account number.
 */
export function toKeyError(error: unknown, key: string): WaxsealError {
  if (error instanceof WaxsealError) return error
  const { name = 'unknown', message = '' } = error instanceof Error ? error : {}
  const fail = (code: ConstructorParameters<typeof WaxsealError>[0], text: string, retryable = false): WaxsealError =>
    new WaxsealError(code, `Waxseal: ${text}`, { cause: withoutExchange(error), retryable })

  if (denied.has(name)) {
    return fail('ERR_WAXSEAL_KEY_DENIED', `AWS KMS does not let us use ${key} (${name}): check its state and policies`)
  }
  // Of one record, and no word about the key.
  if (name === 'InvalidCiphertextException') return toIntegrityError(INTEGRITY_TEXT)
  if (name === 'IncorrectKeyException') return new OtherKeyError('ERR_WAXSEAL_INTEGRITY', `Waxseal: ${INTEGRITY_TEXT}`)
  if (unfit.has(name)) {
    const remedy = 'it takes a symmetric encryption key, named by its ARN'
    return fail('ERR_WAXSEAL_CONFIG', `AWS KMS cannot use ${key} (${name}): ${remedy}`)
  }
  if (/region is missing/i.test(message)) {
    return fail('ERR_WAXSEAL_CONFIG', 'no AWS region found: set AWS_REGION, or `region` on the KMS client')
  }
  return fail('ERR_WAXSEAL_KEY_UNAVAILABLE', `AWS KMS could not be asked for ${key} (${name})`, true)
}

/**
 * Why there are no credentials. A provider that is refused, by STS or SSO, fails with the names that KMS has for a
 * refusal; but KMS has not been asked.
 */
export function toCredentialsError(error: unknown, hasAnswered: boolean): WaxsealError {
  const name = error instanceof Error ? error.name : 'unknown'
  const cause = withoutExchange(error)
  if (name === 'CredentialsProviderError' && !hasAnswered) {
    const remedy = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the host a role'
    return new WaxsealError('ERR_WAXSEAL_CONFIG', `Waxseal: no AWS credentials found: ${remedy}`, { cause })
  }
  const text = `Waxseal: AWS KMS could not be asked, for want of credentials (${name})`
  return new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', text, { cause, retryable: true })
}

const INTEGRITY_TEXT = 'AWS KMS does not unwrap the data key of this record'

/**
 * The ciphertext is of another key than the one asked. Where a record names the key that is an altered record, and looks
 * like any other; version 1 names none, and asks the next key.
 */
export class OtherKeyError extends WaxsealError {}

/** Without a cause: wrong key, wrong encryption context and bent bytes are not told apart. */
export function toIntegrityError(problem: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_INTEGRITY', `Waxseal: ${problem}`)
}

/**
 * The SDK hangs the raw exchange on some errors, for good; its request headers hold a temporary credential's token, its
 * body perhaps a data key. Such an error is passed on as a copy without it. That of JSON which does not parse quotes it.
 */
function withoutExchange(error: unknown): unknown {
  if (error instanceof SyntaxError) return Object.assign(new Error('the answer is no JSON'), { name: error.name })
  if (!(error instanceof Error && '$response' in error)) return error
  const { name, message, stack } = error
  const { $metadata, code } = error as { $metadata?: unknown; code?: unknown }
  return Object.assign(new Error(message), { name, stack, code, $metadata })
}
