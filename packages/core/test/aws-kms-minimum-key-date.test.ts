/** `minimumKeyDate`: data keys under key material from before a date are refused. */
import { randomBytes } from 'node:crypto'
import { DecryptCommand, GenerateDataKeyCommand, KMSClient, ListKeyRotationsCommand } from '@aws-sdk/client-kms'
import { type FakeKms, type FakeKmsOperation, startFakeKms } from '@waxseal/testing/kms'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, inspectRecord } from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const encryptionContext = { app: 'shop', purpose: 'session' }
const place = { table: 'sessions', key: 'k1' }
const minimumKeyDate = new Date('2021-03-01T00:00:00Z')
const before = new Date(minimumKeyDate.getTime() - 1)
const MISMATCH = 'ERR_WAXSEAL_KEY_MISMATCH'
const CONFIG = 'ERR_WAXSEAL_CONFIG'
const UNAVAILABLE = 'ERR_WAXSEAL_KEY_UNAVAILABLE'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('with the real SDK', () => {
  let kms: FakeKms
  let keyArn: string
  let clients: KMSClient[] = []

  beforeEach(async () => {
    kms = await startFakeKms()
    keyArn = kms.createKey()
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
  const keyringOf = (options: Partial<AwsKmsKeyringOptions> = {}) =>
    awsKmsKeyring({ client: clientOf(), keyId: keyArn, minimumKeyDate, ...options })
  const envelopeOf = (options?: Partial<AwsKmsKeyringOptions>) =>
    createEnvelope({ keyring: keyringOf(options), encryptionContext })
  const anyAge = { minimumKeyDate: undefined } as unknown as Partial<AwsKmsKeyringOptions>
  const count = (operation: FakeKmsOperation): number => kms.calls.filter((call) => call.operation === operation).length

  it('a key that was never rotated neither seals nor opens: its material has no date', async () => {
    const record = await envelopeOf(anyAge).seal('x', place)
    expect(await codeOf(() => envelopeOf().seal('y', place))).toBe(CONFIG)
    expect(await codeOf(() => envelopeOf().open(record, place))).toBe(MISMATCH)
    expect(await envelopeOf(anyAge).openText(record, place)).toBe('x')
  })

  it('opens what is under material from that instant on, and nothing from before', async () => {
    kms.rotateKey(keyArn, before)
    const old = await envelopeOf(anyAge).seal('old', place)
    expect(await codeOf(() => envelopeOf().seal('x', place))).toBe(CONFIG)
    kms.rotateKey(keyArn, minimumKeyDate)
    const young = await envelopeOf().seal('young', place)
    kms.rotateKey(keyArn)
    expect(await envelopeOf().openText(young, place)).toBe('young')
    expect(await codeOf(() => envelopeOf().open(old, place))).toBe(MISMATCH)
  })

  it('is not outwitted by rewrapping: the data key stays what it is', async () => {
    const old = await envelopeOf(anyAge).seal('old', place)
    kms.rotateKey(keyArn, minimumKeyDate)
    const second = kms.createKey({ region: 'us-east-1' })
    kms.rotateKey(second, minimumKeyDate)
    expect(await codeOf(() => envelopeOf().rewrap(old))).toBe(MISMATCH)
    const alsoWrapFor = [{ client: clientOf('us-east-1'), keyId: second }]
    expect(await codeOf(() => envelopeOf({ alsoWrapFor }).rewrap(old))).toBe(MISMATCH)
    const young = await envelopeOf().seal('young', place)
    expect(await envelopeOf().openText(await envelopeOf().rewrap(young), place)).toBe('young')
  })

  it('rewraps under no material that is too old', async () => {
    kms.rotateKey(keyArn, minimumKeyDate)
    const record = await envelopeOf().seal('x', place)
    const other = kms.createKey()
    expect(await codeOf(() => envelopeOf({ keyId: other, decryptKeyIds: [keyArn] }).rewrap(record))).toBe(CONFIG)
  })

  it('judges each Region by its own key', async () => {
    const american = kms.createKey({ region: 'us-east-1' })
    const alsoWrapFor = [{ client: clientOf('us-east-1'), keyId: american }]
    kms.rotateKey(american, minimumKeyDate)
    const record = await envelopeOf({ ...anyAge, alsoWrapFor }).seal('x', place)
    const reader = keyringOf({ alsoWrapFor })
    const opened = await reader.unwrapDataKey(inspectRecord(record).wrappedKeys, encryptionContext)
    expect(opened.wrappedKey.kid).toMatch(/^us-east-1:/)
    expect(await codeOf(() => reader.generateDataKey(encryptionContext))).toBe(CONFIG)
    kms.setKeyState(american, 'Disabled')
    // The other key let us use it, so this is no revocation.
    const unwrap = () => reader.unwrapDataKey(inspectRecord(record).wrappedKeys, encryptionContext)
    expect(await codeOf(unwrap)).toBe(MISMATCH)
    kms.setKeyState(american, 'Enabled')
    kms.rotateKey(keyArn, minimumKeyDate)
    await reader.generateDataKey(encryptionContext)
    const third = kms.createKey({ region: 'us-east-1' })
    const tooOld = keyringOf({ alsoWrapFor: [{ client: clientOf('us-east-1'), keyId: third }] })
    expect(await codeOf(() => tooOld.generateDataKey(encryptionContext))).toBe(CONFIG)
    kms.rotateKey(third, minimumKeyDate)
    await tooOld.generateDataKey(encryptionContext)
  })

  it('goes for replicas of a multi-Region key, aliases and version 1, too', async () => {
    const primary = kms.createKey({ multiRegion: true })
    const replica = kms.replicateKey(primary, 'us-east-1')
    kms.setAlias('alias/shop', primary)
    const aliased = { keyId: 'alias/shop', decryptKeyIds: [primary] }
    const old = await envelopeOf({ ...anyAge, keyId: primary }).seal('old', place)
    const version1 = await keyringOf({ ...anyAge, keyId: primary }).version1!.generateDataKey()
    expect(await codeOf(() => envelopeOf(aliased).seal('x', place))).toBe(CONFIG)
    kms.rotateKey(primary, minimumKeyDate)
    const young = await envelopeOf(aliased).seal('young', place)
    const american = { client: clientOf('us-east-1'), keyId: replica }
    expect(await envelopeOf(american).openText(young, place)).toBe('young')
    expect(await codeOf(() => envelopeOf(american).open(old, place))).toBe(MISMATCH)
    const unwrap = () => keyringOf({ keyId: primary }).version1!.unwrapDataKey(version1.wrappedKeys[0]!.wrapped)
    expect(await codeOf(unwrap)).toBe(MISMATCH)
  })

  it('asks for the dates once per key, however many records and at once, and again for material that is new', async () => {
    const second = kms.createKey()
    for (const arn of [keyArn, second]) kms.rotateKey(arn, minimumKeyDate)
    const foreign = await keyringOf({ keyId: second }).generateDataKey(encryptionContext)
    kms.forgetCalls()
    const keyring = keyringOf({ decryptKeyIds: [second] })
    const dataKeys = await Promise.all(Array.from({ length: 20 }, () => keyring.generateDataKey(encryptionContext)))
    await Promise.all(dataKeys.map(({ wrappedKeys }) => keyring.unwrapDataKey(wrappedKeys, encryptionContext)))
    await keyring.wrapDataKey(new Uint8Array(32), encryptionContext)
    expect(count('ListKeyRotations')).toBe(1)
    for (let i = 0; i < 5; i++) await keyring.unwrapDataKey(foreign.wrappedKeys, encryptionContext)
    expect(count('ListKeyRotations')).toBe(2)
    kms.rotateKey(keyArn)
    for (let i = 0; i < 5; i++) await keyring.generateDataKey(encryptionContext)
    expect(count('ListKeyRotations')).toBe(3)
    expect(kms.calls).toContainEqual({
      operation: 'ListKeyRotations',
      region: 'eu-west-1',
      keyId: second,
      outcome: 'ok',
    })
  })

  it('asks no more for data keys that are known to be too old', async () => {
    const { wrappedKeys } = await keyringOf(anyAge).generateDataKey(encryptionContext)
    kms.forgetCalls()
    const keyring = keyringOf()
    for (let i = 0; i < 5; i++) {
      expect(await codeOf(() => keyring.unwrapDataKey(wrappedKeys, encryptionContext))).toBe(MISMATCH)
    }
    expect([count('Decrypt'), count('ListKeyRotations')]).toEqual([5, 1])
  })

  it('asks nothing when nothing is refused for its age', async () => {
    await envelopeOf(anyAge).rewrap(await envelopeOf(anyAge).seal('x', place))
    expect(count('ListKeyRotations')).toBe(0)
  })

  it('finds material beyond the first page', async () => {
    for (let i = 0; i < 150; i++) kms.rotateKey(keyArn, before)
    kms.rotateKey(keyArn, minimumKeyDate)
    await keyringOf().generateDataKey(encryptionContext)
    expect(count('ListKeyRotations')).toBe(2)
  })

  it('takes a missing permission for a mistake of configuration and never for a revocation', async () => {
    kms.rotateKey(keyArn, minimumKeyDate)
    const { wrappedKeys } = await keyringOf().generateDataKey(encryptionContext)
    kms.fail('access-denied', { operation: 'ListKeyRotations' })
    const keyring = keyringOf()
    expect(await codeOf(() => keyring.unwrapDataKey(wrappedKeys, encryptionContext))).toBe(CONFIG)
    kms.recover()
    kms.fail('server-error', { operation: 'ListKeyRotations', times: 1 })
    expect(await codeOf(() => keyring.unwrapDataKey(wrappedKeys, encryptionContext))).toBe(UNAVAILABLE)
    await keyring.unwrapDataKey(wrappedKeys, encryptionContext)
    kms.setKeyState(keyArn, 'Disabled')
    const call = () => keyring.unwrapDataKey(wrappedKeys, encryptionContext)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_KEY_DENIED')
  })
})

describe('the exact calls', () => {
  const client = new KMSClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
  const mock = mockClient(client)
  const id = '1234abcd-12ab-34cd-56ef-1234567890ab'
  const KeyId = `arn:aws:kms:eu-west-1:111122223333:key/${id}`
  const CiphertextBlob = new Uint8Array(randomBytes(184))
  const wrappedKey = { keyringId: 1, kid: `eu-west-1:${id}`, wrapped: CiphertextBlob }
  const keyring = () => awsKmsKeyring({ client, keyId: KeyId, minimumKeyDate })
  const unwrap = (on = keyring()) => on.unwrapDataKey([wrappedKey], encryptionContext)
  const answerWith = (KeyMaterialId: string | undefined) => {
    const answer = { KeyId, CiphertextBlob, ...(KeyMaterialId !== undefined && { KeyMaterialId }) }
    // A buffer of its own for each answer, since its bytes are wiped.
    mock.on(DecryptCommand).callsFake(async () => ({ ...answer, Plaintext: new Uint8Array(randomBytes(32)) }))
    mock.on(GenerateDataKeyCommand).callsFake(async () => ({ ...answer, Plaintext: new Uint8Array(randomBytes(32)) }))
  }

  beforeEach(() => {
    mock.reset()
  })

  it('are ListKeyRotations with all key material, page after page', async () => {
    answerWith('b')
    mock
      .on(ListKeyRotationsCommand)
      .resolvesOnce({ Rotations: [{ KeyMaterialId: 'a' }], NextMarker: 'more', Truncated: true })
      .resolves({ Rotations: [{ KeyMaterialId: 'b', RotationDate: minimumKeyDate }] })
    await unwrap()
    expect(mock.commandCalls(ListKeyRotationsCommand).map(({ args: [{ input }] }) => input)).toEqual([
      { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' },
      { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL', Marker: 'more' },
    ])
  })

  it('refuse material that the list does not name, until it does', async () => {
    answerWith('b')
    mock
      .on(ListKeyRotationsCommand)
      .resolvesOnce({})
      .resolves({ Rotations: [{ KeyMaterialId: 'b', RotationDate: minimumKeyDate }] })
    const on = keyring()
    expect(await codeOf(() => unwrap(on))).toBe(MISMATCH)
    await unwrap(on)
  })

  it('refuse a data key of which KMS does not say the material', async () => {
    answerWith(undefined)
    mock
      .on(ListKeyRotationsCommand)
      .resolves({ Rotations: [{ KeyMaterialId: 'b', RotationDate: before }, { KeyMaterialId: 'c' }] })
    expect(await codeOf(() => unwrap())).toBe(MISMATCH)
    expect(await codeOf(() => keyring().generateDataKey(encryptionContext))).toBe(CONFIG)
  })

  it('leave no plaintext key of a data key that is refused', async () => {
    answerWith('a')
    mock.on(ListKeyRotationsCommand).resolves({ Rotations: [{ KeyMaterialId: 'a' }] })
    const fill = vi.spyOn(Uint8Array.prototype, 'fill')
    for (const call of [() => unwrap(), () => keyring().generateDataKey(encryptionContext)]) {
      fill.mockClear()
      expect([MISMATCH, CONFIG]).toContain(await codeOf(call))
      // Ours and that of the SDK.
      const wiped = new Set(fill.mock.contexts.filter((array) => (array as Uint8Array).every((byte) => byte === 0)))
      expect(wiped.size).toBe(2)
    }
  })

  it.each([new Date(Number.NaN), Date.now(), '2021-03-01', null])('refuse %s as a date', (date) => {
    const options = { client, keyId: KeyId, minimumKeyDate: date as Date }
    expect(codeOfSync(() => awsKmsKeyring(options))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})
