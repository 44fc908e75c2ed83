/** Rewrapping under AWS KMS: the exact call, and the real SDK against a KMS that encrypts in earnest. */
import { randomBytes } from 'node:crypto'
import { KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { mockClient } from 'aws-sdk-client-mock'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, inspectRecord, type Keyring, WaxsealError, type WrappedKey } from '../src/index.ts'
import { codeOf } from './support/codes.ts'

const encryptionContext = { app: 'shop', purpose: 'session' }
const place = { table: 'sessions', key: 'k1' }
const idOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1)
const kidOf = (arn: string): string => `${arn.split(':')[3]}:${idOf(arn)}`

describe('the exact call', () => {
  const client = new KMSClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
  const mock = mockClient(client)
  const oldKey = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-12ab-34cd-56ef-1234567890ab'
  const newKey = 'arn:aws:kms:eu-west-1:111122223333:key/22222222-12ab-34cd-56ef-1234567890ab'
  const third = 'arn:aws:kms:eu-west-1:111122223333:key/33333333-12ab-34cd-56ef-1234567890ab'
  const CiphertextBlob = new Uint8Array(randomBytes(184))
  const rewrapped = new Uint8Array(randomBytes(184))
  const wrappedKey: WrappedKey = { keyringId: 1, kid: kidOf(oldKey), wrapped: CiphertextBlob }
  const good = { SourceKeyId: oldKey, KeyId: newKey, CiphertextBlob: rewrapped }
  const keyring = awsKmsKeyring({ client, keyId: newKey, decryptKeyIds: [oldKey] })
  const rewrap = (keys = [wrappedKey], on: Keyring = keyring) => on.rewrapDataKey!(keys, encryptionContext)

  beforeEach(() => {
    mock.reset()
  })

  it('is ReEncrypt from the key that the record names to keyId, under one encryption context', async () => {
    mock.on(ReEncryptCommand).resolves(good)
    expect(await rewrap()).toEqual([{ keyringId: 1, kid: kidOf(newKey), wrapped: rewrapped }])
    expect(mock.calls().map(({ args: [{ input }] }) => input)).toEqual([
      {
        SourceKeyId: oldKey,
        SourceEncryptionContext: encryptionContext,
        DestinationKeyId: newKey,
        DestinationEncryptionContext: encryptionContext,
        CiphertextBlob,
      },
    ])
  })

  it('names the keys as they are configured, an alias too until it is known what it stands for', async () => {
    mock.on(ReEncryptCommand).resolves(good)
    const options = { client, keyId: 'alias/shop', decryptKeyIds: [idOf(oldKey), idOf(newKey)] }
    const aliased = awsKmsKeyring(options)
    await rewrap(undefined, aliased)
    await rewrap(undefined, aliased)
    expect(mock.calls().map(({ args: [{ input }] }) => input)).toMatchObject([
      { SourceKeyId: idOf(oldKey), DestinationKeyId: 'alias/shop' },
      { SourceKeyId: idOf(oldKey), DestinationKeyId: idOf(newKey) },
    ])
    mock.on(ReEncryptCommand).resolves({ ...good, KeyId: third })
    expect(await codeOf(() => rewrap(undefined, awsKmsKeyring(options)))).toBe('ERR_WAXSEAL_CONFIG')
  })

  it.each<[string, object]>([
    ['names another source', { ...good, SourceKeyId: third }],
    ['names no source', { ...good, SourceKeyId: undefined }],
    ['names another destination', { ...good, KeyId: third }],
    ['names the source as destination', { ...good, KeyId: oldKey }],
    ['names no destination', { ...good, KeyId: undefined }],
    ['holds no wrapped key', { ...good, CiphertextBlob: undefined }],
  ])('is not believed when the answer %s', async (_, answer) => {
    mock.on(ReEncryptCommand).resolves(answer)
    expect(await codeOf(() => rewrap())).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it.each([
    ['AccessDeniedException', 'ERR_WAXSEAL_KEY_DENIED'],
    ['DisabledException', 'ERR_WAXSEAL_KEY_DENIED'],
    ['NotFoundException', 'ERR_WAXSEAL_KEY_DENIED'],
    ['ThrottlingException', 'ERR_WAXSEAL_KEY_UNAVAILABLE'],
    ['InvalidCiphertextException', 'ERR_WAXSEAL_INTEGRITY'],
    ['IncorrectKeyException', 'ERR_WAXSEAL_INTEGRITY'],
    ['InvalidKeyUsageException', 'ERR_WAXSEAL_CONFIG'],
  ])('that fails with %s is %s', async (name, code) => {
    mock.on(ReEncryptCommand).rejects(Object.assign(new Error('no'), { name }))
    expect(await codeOf(() => rewrap())).toBe(code)
  })

  it('that is denied blames neither key alone: KMS does not say which', async () => {
    mock.on(ReEncryptCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }))
    const error: unknown = await rewrap().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(WaxsealError)
    expect((error as Error).message).toContain(`${kidOf(oldKey)} or ${kidOf(newKey)}`)
  })

  it('goes to the next key of ours when one does not open, and to no other', async () => {
    mock.on(ReEncryptCommand, { SourceKeyId: newKey }).rejects({ name: 'InvalidCiphertextException' })
    mock.on(ReEncryptCommand, { SourceKeyId: oldKey }).resolves(good)
    const keys = [wrappedKey, { ...wrappedKey, kid: kidOf(third) }, { ...wrappedKey, kid: kidOf(newKey) }]
    expect(await rewrap(keys)).toHaveLength(1)
    const sources = mock.commandCalls(ReEncryptCommand).map(({ args: [{ input }] }) => input.SourceKeyId)
    expect(sources).toEqual([newKey, oldKey])
  })

  it('is not made for keys of others', async () => {
    const foreign = [
      { ...wrappedKey, kid: kidOf(third) },
      { ...wrappedKey, keyringId: 2 },
    ]
    expect(await codeOf(() => rewrap(foreign))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(mock.calls()).toEqual([])
  })
})

describe('a record', () => {
  let kms: FakeKms
  let oldKey: string
  let newKey: string
  let clients: KMSClient[] = []

  beforeEach(async () => {
    kms = await startFakeKms()
    oldKey = kms.createKey()
    newKey = kms.createKey()
  })
  afterEach(async () => {
    for (const client of clients) client.destroy()
    clients = []
    await kms.close()
  })
  const clientOf = (region?: string): KMSClient => {
    const client = new KMSClient({ ...kms.clientConfig(region), maxAttempts: 1 })
    clients.push(client)
    return client
  }
  const envelopeOf = (options: Omit<AwsKmsKeyringOptions, 'client'>, region?: string) =>
    createEnvelope({ keyring: awsKmsKeyring({ client: clientOf(region), ...options }), encryptionContext })
  const kidsOf = (record: Uint8Array): string[] => inspectRecord(record).wrappedKeys.map(({ kid }) => kid)
  const operations = (): string[] => kms.calls.map(({ operation }) => operation)
  /** What no rewrapping may touch: everything but count and wrapped keys. */
  const rest = (record: Uint8Array): string => {
    const salt = inspectRecord(record).parts.find(({ field }) => field === 'salt')!.offset
    return Buffer.concat([record.subarray(0, 5), record.subarray(salt)]).toString('hex')
  }

  it('moves to another key in one call, and its payload stays as it is', async () => {
    const record = await envelopeOf({ keyId: oldKey }).seal('x', place)
    kms.forgetCalls()
    const moved = await envelopeOf({ keyId: newKey, decryptKeyIds: [oldKey] }).rewrap(record)
    expect(operations()).toEqual(['ReEncrypt'])
    expect(kidsOf(moved)).toEqual([kidOf(newKey)])
    expect(rest(moved)).toBe(rest(record))
    kms.deleteKey(oldKey)
    expect(await envelopeOf({ keyId: newKey }).openText(moved, place)).toBe('x')
  })

  it('opens after any journey through keys, rotations and aliases', async () => {
    const keys = [oldKey, newKey, kms.createKey()]
    const step = fc.record({ to: fc.nat({ max: 2 }), byAlias: fc.boolean(), rotate: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        let record = await envelopeOf({ keyId: oldKey }).seal('x', place)
        const payload = rest(record)
        for (const { to, byAlias, rotate } of steps) {
          if (rotate) kms.rotateKey(keys[to]!)
          if (byAlias) kms.setAlias('alias/shop', keys[to]!)
          const keyId = byAlias ? 'alias/shop' : keys[to]!
          record = await envelopeOf({ keyId, decryptKeyIds: keys }).rewrap(record)
          expect(kidsOf(record)).toEqual([kidOf(keys[to]!)])
          expect(rest(record)).toBe(payload)
          expect(await envelopeOf({ keyId: keys[to]! }).openText(record, place)).toBe('x')
        }
      }),
      { numRuns: 10 },
    )
  })

  it('moves on from the replica of a multi-Region key', async () => {
    const primary = kms.createKey({ multiRegion: true, region: 'us-east-1' })
    const replica = kms.replicateKey(primary, 'eu-west-1')
    const record = await envelopeOf({ keyId: primary }, 'us-east-1').seal('x', place)
    const moved = await envelopeOf({ keyId: newKey, decryptKeyIds: [replica] }).rewrap(record)
    expect(kidsOf(moved)).toEqual([kidOf(newKey)])
  })

  it('that shall open in two Regions is unwrapped and wrapped, which ReEncrypt cannot do', async () => {
    const american = kms.createKey({ region: 'us-east-1' })
    const record = await envelopeOf({ keyId: oldKey }).seal('x', place)
    kms.forgetCalls()
    const alsoWrapFor = [{ client: clientOf('us-east-1'), keyId: american }]
    const moved = await envelopeOf({ keyId: newKey, decryptKeyIds: [oldKey], alsoWrapFor }).rewrap(record)
    expect(operations().sort()).toEqual(['Decrypt', 'Encrypt', 'Encrypt'])
    expect(kidsOf(moved)).toEqual([kidOf(newKey), kidOf(american)])
    expect(await envelopeOf({ keyId: american }, 'us-east-1').openText(moved, place)).toBe('x')
  })

  it('that is bent or of another encryption context is at fault itself; where a key is disabled, that is', async () => {
    const keyring = awsKmsKeyring({ client: clientOf(), keyId: newKey, decryptKeyIds: [oldKey] })
    const { wrappedKeys } = await awsKmsKeyring({ client: clientOf(), keyId: oldKey }).generateDataKey(
      encryptionContext,
    )
    const bent = [{ ...wrappedKeys[0]!, wrapped: Uint8Array.from(wrappedKeys[0]!.wrapped).fill(7, 170) }]
    expect(await codeOf(() => keyring.rewrapDataKey!(bent, encryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(await codeOf(() => keyring.rewrapDataKey!(wrappedKeys, { app: 'x' }))).toBe('ERR_WAXSEAL_INTEGRITY')
    for (const key of [oldKey, newKey]) {
      kms.setKeyState(key, 'Disabled')
      const code = await codeOf(() => keyring.rewrapDataKey!(wrappedKeys, encryptionContext))
      expect(code).toBe('ERR_WAXSEAL_KEY_DENIED')
      kms.setKeyState(key, 'Enabled')
    }
    kms.fail('wrong-key-id')
    const call = () => keyring.rewrapDataKey!(wrappedKeys, encryptionContext)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_INTEGRITY')
  })
})
