/** Data keys of version 1 under AWS KMS: the exact calls, and the real SDK against a KMS that encrypts in earnest. */
import { randomBytes } from 'node:crypto'
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import type { Version1DataKeys } from '../src/index.ts'
import { codeOf } from './support/codes.ts'

const version1Of = (options: AwsKmsKeyringOptions): Version1DataKeys => awsKmsKeyring(options).version1!
const isKey = (bytes: Uint8Array, key: Uint8Array) => Buffer.from(bytes).equals(key)

describe('the exact calls', () => {
  const client = new KMSClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
  const mock = mockClient(client)
  const KeyId = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  const CiphertextBlob = new Uint8Array(randomBytes(184))
  const wrappedKey = { keyringId: 1, kid: `eu-west-1:${KeyId.split('/')[1]}`, wrapped: CiphertextBlob }
  const version1 = version1Of({ client, keyId: KeyId })
  beforeEach(() => mock.reset())

  /** What the SDK would send: undefined fields are not. */
  const sent = () =>
    mock.calls().map(({ args: [command] }) => ({
      name: command.constructor.name,
      input: Object.fromEntries(Object.entries(command.input).filter(([, value]) => value !== undefined)),
    }))

  it('a new data key: GenerateDataKey for AES_256, without encryption context', async () => {
    const key = randomBytes(32)
    mock.on(GenerateDataKeyCommand).resolves({ KeyId, CiphertextBlob, Plaintext: new Uint8Array(key) })
    const { plaintextKey, wrappedKeys } = await version1.generateDataKey()
    expect(isKey(plaintextKey, key)).toBe(true)
    expect(wrappedKeys).toEqual([wrappedKey])
    expect(sent()).toStrictEqual([{ name: 'GenerateDataKeyCommand', input: { KeyId, KeySpec: 'AES_256' } }])
  })

  it('unwrapping: Decrypt under the configured KeyId, without encryption context', async () => {
    const key = randomBytes(32)
    const Plaintext = new Uint8Array(key)
    mock.on(DecryptCommand).resolves({ KeyId, Plaintext })
    const unwrapped = await version1.unwrapDataKey(CiphertextBlob)
    expect(isKey(unwrapped.plaintextKey, key)).toBe(true)
    expect(unwrapped.wrappedKey).toEqual(wrappedKey)
    expect(Plaintext.every((byte) => byte === 0)).toBe(true)
    expect(sent()).toStrictEqual([{ name: 'DecryptCommand', input: { KeyId, CiphertextBlob } }])
  })

  it('an answer for another key is refused', async () => {
    const Plaintext = new Uint8Array(randomBytes(32))
    mock.on(DecryptCommand).resolves({ KeyId: KeyId.replace(/ab$/, 'cd'), Plaintext })
    expect(await codeOf(() => version1.unwrapDataKey(CiphertextBlob))).toBe('ERR_WAXSEAL_INTEGRITY')
  })
})

describe('against a KMS', () => {
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

  function clientOf(region?: string): KMSClient {
    const client = new KMSClient({ ...kms.clientConfig(region), maxAttempts: 1 })
    clients.push(client)
    return client
  }
  const keys = (options: Partial<AwsKmsKeyringOptions> = {}) => version1Of({ client: clientOf(), keyId, ...options })
  /** A data key and its blob, made as the old apps made them. */
  async function made(KeyId = keyId, EncryptionContext?: Record<string, string>) {
    const command = new GenerateDataKeyCommand({
      KeyId,
      KeySpec: 'AES_256',
      ...(EncryptionContext && { EncryptionContext }),
    })
    const { Plaintext, CiphertextBlob } = await clientOf(KeyId.split(':')[3]).send(command)
    kms.forgetCalls()
    return { key: Plaintext!, blob: CiphertextBlob! }
  }
  const asked = () => kms.calls.map((call) => call.keyId)

  it('old and new code unwrap what the other generated', async () => {
    const { key, blob } = await made()
    expect(isKey((await keys().unwrapDataKey(blob)).plaintextKey, key)).toBe(true)
    const generated = await keys().generateDataKey()
    const CiphertextBlob = generated.wrappedKeys[0]!.wrapped
    const { Plaintext } = await clientOf().send(new DecryptCommand({ CiphertextBlob }))
    expect(isKey(generated.plaintextKey, Plaintext!)).toBe(true)
    // No encryptionContext in any of them, not even an empty one.
    const call = { region: 'eu-west-1', outcome: 'ok' }
    expect(kms.calls).toStrictEqual([
      { ...call, operation: 'Decrypt', keyId },
      { ...call, operation: 'GenerateDataKey', keyId },
      { ...call, operation: 'Decrypt' },
    ])
  })

  it('every configured key is asked in order until one opens, and named', async () => {
    const [older, oldest] = [kms.createKey(), kms.createKey()]
    const { key, blob } = await made(oldest)
    const unwrapped = await keys({ decryptKeyIds: [older, oldest, kms.createKey()] }).unwrapDataKey(blob)
    expect(isKey(unwrapped.plaintextKey, key)).toBe(true)
    expect(unwrapped.wrappedKey).toEqual({ keyringId: 1, kid: `eu-west-1:${oldest.split('/')[1]}`, wrapped: blob })
    expect(asked()).toEqual([keyId, older, oldest])
  })

  it("the attacker's own key is no key of ours, although KMS could find it by the ciphertext", async () => {
    const { blob } = await made(kms.createKey())
    const older = kms.createKey()
    expect(await codeOf(() => keys({ decryptKeyIds: [older] }).unwrapDataKey(blob))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(asked()).toEqual([keyId, older])
  })

  it('a data key of version 2 is none of version 1', async () => {
    const { blob } = await made(keyId, { app: 'shop' })
    expect(await codeOf(() => keys().unwrapDataKey(blob))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('bent bytes are INTEGRITY, beside a disabled key too', async () => {
    const { blob } = await made()
    const bent = Uint8Array.from(blob).fill(7, 170)
    const retired = kms.createKey()
    kms.setKeyState(retired, 'Disabled')
    expect(await codeOf(() => keys().unwrapDataKey(bent))).toBe('ERR_WAXSEAL_INTEGRITY')
    const withRetired = keys({ decryptKeyIds: [retired] })
    expect(await codeOf(() => withRetired.unwrapDataKey(bent))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('a disabled key is DENIED behind keys that are not the one, and in the way of nobody', async () => {
    const old = kms.createKey()
    const { key, blob } = await made(old)
    kms.setKeyState(keyId, 'Disabled')
    expect(isKey((await keys({ decryptKeyIds: [old] }).unwrapDataKey(blob)).plaintextKey, key)).toBe(true)
    kms.setKeyState(keyId, 'Enabled')
    kms.setKeyState(old, 'Disabled')
    expect(await codeOf(() => keys({ decryptKeyIds: [old] }).unwrapDataKey(blob))).toBe('ERR_WAXSEAL_KEY_DENIED')
  })

  it('an outage is UNAVAILABLE, and another Region with a replica serves meanwhile', async () => {
    const primary = kms.createKey({ multiRegion: true })
    const replica = kms.replicateKey(primary, 'us-east-1')
    const { key, blob } = await made(primary)
    kms.fail('server-error', { region: 'eu-west-1' })
    expect(await codeOf(() => keys({ keyId: primary }).unwrapDataKey(blob))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    const alsoWrapFor = [{ client: clientOf('us-east-1'), keyId: replica }]
    const unwrapped = await keys({ keyId: primary, alsoWrapFor }).unwrapDataKey(blob)
    expect(isKey(unwrapped.plaintextKey, key)).toBe(true)
  })

  it('a new data key is wrapped under keyId alone, which may be an alias', async () => {
    kms.setAlias('alias/shop', keyId)
    const alsoWrapFor = [{ client: clientOf('us-east-1'), keyId: kms.createKey({ region: 'us-east-1' }) }]
    const version1 = keys({ keyId: 'alias/shop', decryptKeyIds: [keyId], alsoWrapFor })
    const { plaintextKey, wrappedKeys } = await version1.generateDataKey()
    expect(wrappedKeys).toHaveLength(1)
    expect((await version1.unwrapDataKey(wrappedKeys[0]!.wrapped)).plaintextKey).toEqual(plaintextKey)
  })
})
