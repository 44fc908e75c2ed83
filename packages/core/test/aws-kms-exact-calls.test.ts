/** The exact calls: what a reviewer of key policies and bills would want to see, and what becomes of plaintext keys. */
import { randomBytes } from 'node:crypto'
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope } from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { nextTurn } from './support/keyrings.ts'

const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
const client = new KMSClient({ region: 'eu-west-1', credentials })
const american = new KMSClient({ region: 'us-east-1', credentials })
const [mock, americanMock] = [mockClient(client), mockClient(american)]
const id = '1234abcd-12ab-34cd-56ef-1234567890ab'
const KeyId = `arn:aws:kms:eu-west-1:111122223333:key/${id}`
const AmericanKeyId = `arn:aws:kms:us-east-1:111122223333:key/${id}`
const EncryptionContext = { app: 'shop', purpose: 'session' }
const CiphertextBlob = new Uint8Array(randomBytes(184))
const wrappedKey = { keyringId: 1, kid: `eu-west-1:${id}`, wrapped: CiphertextBlob }
const zeros = Buffer.alloc(32)

beforeEach(() => {
  mock.reset()
  americanMock.reset()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const keyring = awsKmsKeyring({ client, keyId: KeyId })
const twoRegions = awsKmsKeyring({ client, keyId: KeyId, alsoWrapFor: [{ client: american, keyId: AmericanKeyId }] })

/** Every call so far: its name and input. */
const callsOf = (on: typeof mock) =>
  on.calls().map(({ args: [command] }) => ({ name: command.constructor.name, input: command.input }))

/** Answers with a data key and keeps the SDK's own buffer for inspection. */
function answerWithDataKey(answer: { KeyId?: string; CiphertextBlob?: Uint8Array } = { KeyId, CiphertextBlob }) {
  const Plaintext = new Uint8Array(randomBytes(32))
  mock.on(GenerateDataKeyCommand).resolves({ Plaintext, ...answer })
  mock.on(DecryptCommand).resolves({ Plaintext, ...(answer.KeyId !== undefined && { KeyId: answer.KeyId }) })
  return { ofSdk: Plaintext, key: Buffer.from(Plaintext) }
}

describe('calls', () => {
  it('end after 3 seconds and tell the SDK to give up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    mock.on(DecryptCommand).callsFake(() => new Promise(() => {}))
    const code = codeOf(() => keyring.unwrapDataKey([wrappedKey], EncryptionContext))
    while (mock.calls().length === 0) await nextTurn()
    const [, { abortSignal }] = mock.call(0).args as unknown as [unknown, { abortSignal: AbortSignal }]
    await vi.advanceTimersByTimeAsync(2999)
    expect(abortSignal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(abortSignal.aborted).toBe(true)
    expect(await code).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  })

  it('that succeed leave no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    answerWithDataKey()
    await keyring.generateDataKey(EncryptionContext)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('construction makes none', () => {
    awsKmsKeyring({ client, keyId: KeyId, decryptKeyIds: [id] })
    expect(mock.calls()).toEqual([])
  })

  it('a new data key: GenerateDataKey for AES_256 with the encryption context', async () => {
    const { key } = answerWithDataKey()
    const dataKey = await keyring.generateDataKey(EncryptionContext)
    expect(Buffer.from(dataKey.plaintextKey).equals(key)).toBe(true)
    expect(dataKey.wrappedKeys).toEqual([wrappedKey])
    expect(callsOf(mock)).toEqual([
      { name: 'GenerateDataKeyCommand', input: { KeyId, KeySpec: 'AES_256', EncryptionContext } },
    ])
  })

  it('unwrapping: Decrypt under the configured KeyId with the encryption context', async () => {
    const { key } = answerWithDataKey()
    expect(Buffer.from((await keyring.unwrapDataKey([wrappedKey], EncryptionContext)).plaintextKey).equals(key)).toBe(
      true,
    )
    expect(callsOf(mock)).toEqual([{ name: 'DecryptCommand', input: { KeyId, CiphertextBlob, EncryptionContext } }])
  })

  it('another Region: Encrypt of that data key there, and never Encrypt in the first', async () => {
    const { key } = answerWithDataKey()
    const wrapped = new Uint8Array(randomBytes(184))
    let sent: Buffer | undefined
    americanMock.on(EncryptCommand).callsFake(async ({ Plaintext }) => {
      sent = Buffer.from(Plaintext)
      return { KeyId: AmericanKeyId, CiphertextBlob: wrapped }
    })
    const { wrappedKeys } = await twoRegions.generateDataKey(EncryptionContext)
    expect(wrappedKeys).toEqual([wrappedKey, { keyringId: 1, kid: `us-east-1:${id}`, wrapped }])
    expect(sent?.equals(key)).toBe(true)
    expect(callsOf(mock).map(({ name }) => name)).toEqual(['GenerateDataKeyCommand'])
    expect(callsOf(americanMock)).toMatchObject([
      { name: 'EncryptCommand', input: { KeyId: AmericanKeyId, EncryptionContext } },
    ])
  })

  it('wrapped keys of other keyrings are none of ours', async () => {
    const local = { ...wrappedKey, keyringId: 2 }
    expect(await codeOf(() => keyring.unwrapDataKey([local], EncryptionContext))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(mock.calls()).toEqual([])
  })
})

/** The distinct arrays of 32 bytes that were filled with zeros and still are. */
const keysWipedBy = (fill: { mock: { contexts: unknown[] } }) =>
  new Set(fill.mock.contexts.filter((array) => zeros.equals(array as Uint8Array)))

describe('plaintext keys in buffers', () => {
  it('of the SDK are zeros after either call', async () => {
    const { ofSdk } = answerWithDataKey()
    await keyring.generateDataKey(EncryptionContext)
    expect(zeros.equals(ofSdk)).toBe(true)
    const again = answerWithDataKey()
    await keyring.unwrapDataKey([wrappedKey], EncryptionContext)
    expect(zeros.equals(again.ofSdk)).toBe(true)
  })

  it('are ours alone: a memory of 32 bytes and no part of a pool', async () => {
    answerWithDataKey()
    const { plaintextKey } = await keyring.generateDataKey(EncryptionContext)
    expect(plaintextKey.buffer.byteLength).toBe(32)
  })

  it.each([
    ['names another key', { KeyId: AmericanKeyId, CiphertextBlob }],
    ['names no key', { CiphertextBlob }],
    ['has no wrapped key', { KeyId }],
  ])('are zeros when the answer %s', async (_, answer) => {
    const { ofSdk } = answerWithDataKey(answer)
    const fill = vi.spyOn(Uint8Array.prototype, 'fill')
    expect(await codeOf(() => keyring.generateDataKey(EncryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(zeros.equals(ofSdk)).toBe(true)
    // Ours too, which nobody else ever sees.
    expect(keysWipedBy(fill).size).toBe(2)
  })

  it('are zeros when Decrypt names another key', async () => {
    const { ofSdk } = answerWithDataKey({ KeyId: AmericanKeyId })
    const fill = vi.spyOn(Uint8Array.prototype, 'fill')
    const call = () => keyring.unwrapDataKey([wrappedKey], EncryptionContext)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(zeros.equals(ofSdk)).toBe(true)
    expect(keysWipedBy(fill).size).toBe(2)
  })

  it('are zeros when they are no data key', async () => {
    const Plaintext = new Uint8Array(randomBytes(16))
    mock.on(DecryptCommand).resolves({ KeyId, Plaintext })
    const call = () => keyring.unwrapDataKey([wrappedKey], EncryptionContext)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(Plaintext.every((byte) => byte === 0)).toBe(true)
  })

  it('are zeros when another Region fails, once nobody reads them any more', async () => {
    const { key } = answerWithDataKey()
    const slowKeyId = AmericanKeyId.replace(/ab$/, 'cd')
    let sent: Uint8Array | undefined
    let seen: Buffer | undefined
    americanMock.on(EncryptCommand, { KeyId: AmericanKeyId }).rejects({ name: 'KMSInternalException', message: 'down' })
    americanMock.on(EncryptCommand, { KeyId: slowKeyId }).callsFake(async ({ Plaintext }) => {
      sent = Plaintext
      await new Promise((resolve) => setTimeout(resolve, 10))
      seen = Buffer.from(Plaintext)
      return { KeyId: slowKeyId, CiphertextBlob }
    })
    const alsoWrapFor = [AmericanKeyId, slowKeyId].map((keyId) => ({ client: american, keyId }))
    const three = awsKmsKeyring({ client, keyId: KeyId, alsoWrapFor })
    expect(await codeOf(() => three.generateDataKey(EncryptionContext))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    expect(seen?.equals(key)).toBe(true)
    expect(zeros.equals(sent!)).toBe(true)
  })

  it('are zeros under an envelope, which keeps KeyObjects', async () => {
    const { ofSdk, key } = answerWithDataKey()
    const envelope = createEnvelope({ keyring, encryptionContext: EncryptionContext })
    const record = await envelope.seal('x', { id: '1' })
    expect(zeros.equals(ofSdk)).toBe(true)
    expect(Buffer.from(record).includes(key)).toBe(false)
  })
})
