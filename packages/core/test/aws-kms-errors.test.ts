/** What each failure of KMS means: a revocation, an outage, one record's fault, or a mistake of configuration. */
import { inspect } from 'node:util'
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { type FakeKms, type FakeKmsFault, startFakeKms } from '@waxseal/testing/kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import { type Keyring, WaxsealError, type WrappedKey } from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const encryptionContext = { app: 'shop', purpose: 'session' }
let kms: FakeKms
let keyId: string
const clients: KMSClient[] = []

beforeEach(async () => {
  kms = await startFakeKms()
  keyId = kms.createKey()
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await kms.close()
})

function keyringOf(config: KMSClientConfig = {}, options: Partial<AwsKmsKeyringOptions> = {}): Keyring {
  const client = new KMSClient({ ...kms.clientConfig(), maxAttempts: 1, ...config })
  clients.push(client)
  return awsKmsKeyring({ client, keyId, ...options })
}

/** Both calls of a keyring that has a wrapped key already. */
async function callsOf(keyring: Keyring): Promise<(() => Promise<unknown>)[]> {
  const { wrappedKeys } = await keyring.generateDataKey(encryptionContext)
  return [() => keyring.generateDataKey(encryptionContext), () => keyring.unwrapDataKey(wrappedKeys, encryptionContext)]
}

async function errorOf(call: () => Promise<unknown>): Promise<WaxsealError> {
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof WaxsealError)) throw new Error(`expected an error of ours: ${inspect(error)}`)
  return error
}

describe('a revocation is KEY_DENIED', () => {
  it.each<[string, () => void]>([
    ['the key is disabled', () => kms.setKeyState(keyId, 'Disabled')],
    ['the key is pending deletion', () => kms.setKeyState(keyId, 'PendingDeletion')],
    ['the key is gone', () => kms.deleteKey(keyId)],
    ['access is denied', () => kms.fail('access-denied')],
  ])('when %s', async (_, revoke) => {
    const calls = await callsOf(keyringOf())
    revoke()
    for (const call of calls) {
      const error = await errorOf(call)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_KEY_DENIED', retryable: false })
      expect(error.message).toContain(`eu-west-1:${keyId.split('/')[1]}`)
      expect(error.message).not.toContain('111122223333')
    }
  })
})

describe('an outage is KEY_UNAVAILABLE, retryable', () => {
  it.each<[string, FakeKmsFault]>([
    ['an error of the service', 'server-error'],
    ['throttling', 'throttle'],
    ['a cut connection', 'cut'],
    ...[
      'DependencyTimeoutException',
      'KeyUnavailableException',
      'ServiceUnavailableException',
      'ExpiredTokenException',
      'UnrecognizedClientException',
      'InvalidSignatureException',
      'RequestExpired',
      'AnErrorOfTheFuture',
    ].map((errorName): [string, FakeKmsFault] => [errorName, { errorName }]),
  ])('%s', async (_, fault) => {
    const calls = await callsOf(keyringOf())
    kms.fail(fault)
    for (const call of calls) {
      expect(await errorOf(call)).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true })
    }
    kms.recover()
    for (const call of calls) await call()
  })

  it('nobody listening', async () => {
    const keyring = keyringOf()
    await kms.close()
    const error = await errorOf(() => keyring.generateDataKey(encryptionContext))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true })
  })

  it('silence, which ends after 3 seconds though the SDK would wait for ever, and retry', async () => {
    const calls = await callsOf(keyringOf({ maxAttempts: 5 }))
    kms.fail('silence')
    const start = performance.now()
    for (const error of await Promise.all(calls.map(errorOf))) {
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true })
    }
    expect(performance.now() - start).toBeGreaterThan(2900)
    expect(performance.now() - start).toBeLessThan(5000)
    // The request is given up too, and no attempt follows it.
    expect(kms.calls.filter(({ outcome }) => outcome === 'silence')).toHaveLength(2)
  })

  it('the time-out of the client itself', async () => {
    const calls = await callsOf(keyringOf({ requestHandler: { requestTimeout: 50, throwOnRequestTimeout: true } }))
    kms.fail('silence')
    for (const call of calls) {
      expect(await errorOf(call)).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true })
    }
  })

  it('latency below that is only latency', async () => {
    kms.fail({ latencyMilliseconds: 100 })
    for (const call of await callsOf(keyringOf())) await call()
  })

  it('credentials that were there once', async () => {
    let present = true
    const { credentials } = kms.clientConfig()
    const provider = async () => {
      if (present) return { ...credentials, expiration: new Date(Date.now() - 1000) }
      throw Object.assign(new Error('Could not load credentials from any providers'), {
        name: 'CredentialsProviderError',
      })
    }
    const calls = await callsOf(keyringOf({ credentials: provider }))
    present = false
    for (const call of calls) {
      expect(await errorOf(call)).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true })
    }
  })
})

describe("one record's fault is INTEGRITY, one flat error", () => {
  async function planted(change: (key: WrappedKey, foreign: WrappedKey) => WrappedKey): Promise<WaxsealError> {
    const keyring = keyringOf()
    const [own] = (await keyring.generateDataKey(encryptionContext)).wrappedKeys
    const foreignArn = kms.createKey()
    const [foreign] = (await keyringOf({}, { keyId: foreignArn }).generateDataKey(encryptionContext)).wrappedKeys
    return errorOf(() => keyring.unwrapDataKey([change(own!, foreign!)], encryptionContext))
  }

  it('a data key of a foreign KMS key, bytes that are none, and a bent one are not told apart', async () => {
    const errors = [
      await planted((own, { wrapped }) => ({ ...own, wrapped })),
      await planted((own) => ({ ...own, wrapped: Buffer.from('no ciphertext at all') })),
      await planted((own) => ({ ...own, wrapped: own.wrapped.map((byte, i) => (i === 183 ? byte ^ 1 : byte)) })),
    ]
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_INTEGRITY', retryable: false })
      expect(error.message).toBe(errors[0]!.message)
      expect(error.cause).toBeUndefined()
    }
    expect(kms.calls.filter(({ operation }) => operation === 'Decrypt').map(({ outcome }) => outcome)).toEqual([
      'IncorrectKeyException',
      'InvalidCiphertextException',
      'InvalidCiphertextException',
    ])
  })

  it('an answer that names another key is refused', async () => {
    const american = kms.createKey({ region: 'us-east-1' })
    const client = new KMSClient({ ...kms.clientConfig('us-east-1'), maxAttempts: 1 })
    clients.push(client)
    const configured: [string, Partial<AwsKmsKeyringOptions>][] = [
      ['GenerateDataKey', {}],
      ['GenerateDataKey', { keyId: keyId.split('/')[1]! }],
      ['Encrypt', { alsoWrapFor: [{ client, keyId: american }] }],
    ]
    for (const [operation, options] of configured) {
      kms.fail('wrong-key-id', { operation: operation as 'Encrypt', times: 1 })
      const keyring = keyringOf({}, options)
      expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
    for (const options of [{}, { keyId: keyId.split('/')[1]! }]) {
      const [, unwrap] = await callsOf(keyringOf({}, options))
      kms.fail('wrong-key-id', { operation: 'Decrypt', times: 1 })
      expect(await codeOf(unwrap!)).toBe('ERR_WAXSEAL_INTEGRITY')
    }
  })
})

describe('a mistake of configuration is CONFIG and names what to set', () => {
  it('no Region', async () => {
    const region = () => Promise.reject(new Error('Region is missing'))
    const error = await errorOf(() => keyringOf({ region }).generateDataKey(encryptionContext))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
    expect(error.message).toContain('AWS_REGION')
  })

  it('no credentials', async () => {
    const credentials = () =>
      Promise.reject(Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' }))
    const error = await errorOf(() => keyringOf({ credentials }).generateDataKey(encryptionContext))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
    expect(error.message).toMatch(/AWS_ACCESS_KEY_ID.*AWS_SECRET_ACCESS_KEY/)
  })

  it('a client of another Region than the key', async () => {
    const error = await errorOf(() => keyringOf({ region: 'us-east-1' }).generateDataKey(encryptionContext))
    expect(error.code).toBe('ERR_WAXSEAL_CONFIG')
    expect(error.message).toMatch(/eu-west-1.*us-east-1/)
    expect(kms.calls).toEqual([])
  })

  it.each(['InvalidArnException', 'InvalidKeyUsageException', 'ValidationException', 'UnsupportedOperationException'])(
    'a key that cannot serve: %s',
    async (errorName) => {
      kms.fail({ errorName })
      expect(await codeOf(() => keyringOf().generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_CONFIG')
    },
  )

  it.each<[string, string, Partial<AwsKmsKeyringOptions>]>([
    ['keyId', 'no key', { keyId: undefined }],
    ['keyId', 'an empty key', { keyId: '' }],
    ['keyId', 'an ARN of another service', { keyId: 'arn:aws:s3:eu-west-1:111122223333:key/abc' }],
    ['keyId', 'an ARN without an account', { keyId: 'arn:aws:kms:eu-west-1::key/abc' }],
    ['keyId', 'a space', { keyId: ' alias/shop' }],
    ['keyId', 'an id that fits no record', { keyId: 'a'.repeat(41) }],
    ['decryptKeyIds', 'an alias without the keys that it stands for', { keyId: 'alias/shop' }],
    ['decryptKeyIds', 'an alias', { decryptKeyIds: ['alias/shop'] }],
    ['decryptKeyIds', 'an empty entry', { decryptKeyIds: [''] }],
  ])('%s: %s', (option, _, options) => {
    expect(() => keyringOf({}, options)).toThrow(option)
    expect(codeOfSync(() => keyringOf({}, options))).toBe('ERR_WAXSEAL_CONFIG')
  })

  it('an alias in alsoWrapFor', () => {
    const client = new KMSClient(kms.clientConfig('us-east-1'))
    clients.push(client)
    const options = { alsoWrapFor: [{ client, keyId: 'alias/shop' }] }
    expect(codeOfSync(() => keyringOf({}, options))).toBe('ERR_WAXSEAL_CONFIG')
    const eight = { alsoWrapFor: Array.from({ length: 8 }, () => ({ client, keyId })) }
    expect(codeOfSync(() => keyringOf({}, eight))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('no client', () => {
    const client = {} as unknown as KMSClient
    expect(codeOfSync(() => awsKmsKeyring({ client, keyId }))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})

it('no error shows credentials, a data key or the raw exchange', async () => {
  const credentials = { accessKeyId: 'fake', secretAccessKey: 'the-secret-key', sessionToken: 'the-session-token' }
  const keyring = keyringOf({ credentials })
  const calls = await callsOf(keyring)
  const faults: FakeKmsFault[] = ['access-denied', 'server-error', 'throttle', 'cut', { errorName: 'Unknown' }]
  for (const fault of faults) {
    kms.fail(fault)
    for (const call of calls) {
      const error = await errorOf(call)
      const shown = inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error)
      expect(shown).not.toMatch(/the-secret-key|the-session-token|AWS4-HMAC/)
      expect(error.cause).not.toHaveProperty('$response')
    }
    kms.recover()
  }
})
