/** What an outage, a disabled key and a planted record do to an app, with the real SDK against a KMS over HTTP. */
import { KMSClient } from '@aws-sdk/client-kms'
import { fakeClock } from '@waxseal/testing'
import { type FakeKms, type FakeKmsFault, startFakeKms } from '@waxseal/testing/kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, type Envelope, recordKeyIds } from '../src/index.ts'
import { parseRecord, replaceWrappedKeys } from '../src/record.ts'
import { codeOf } from './support/codes.ts'

const context = { purpose: 'session', table: 'sessions', key: 'k' }
const DENIED = 'ERR_WAXSEAL_KEY_DENIED'
const UNAVAILABLE = 'ERR_WAXSEAL_KEY_UNAVAILABLE'

let kms: FakeKms
let keyArn: string
let clock: ReturnType<typeof fakeClock>
let clients: KMSClient[] = []

beforeEach(async () => {
  kms = await startFakeKms()
  keyArn = kms.createKey()
  clock = fakeClock()
})
afterEach(async () => {
  for (const client of clients) client.destroy()
  clients = []
  await kms.close()
})

function clientOf(region?: string): KMSClient {
  const client = new KMSClient({ ...kms.clientConfig(region), maxAttempts: 1 })
  clients.push(client)
  return client
}

function newEnvelope(options: Partial<AwsKmsKeyringOptions> = {}): Envelope {
  const keyring = awsKmsKeyring({ client: clientOf(), keyId: keyArn, ...options })
  return createEnvelope({ keyring, encryptionContext: { app: 'shop', purpose: 'session' }, clock })
}

const operations = (): string[] => kms.calls.map(({ operation }) => operation)

async function use(envelope: Envelope, record: Uint8Array): Promise<void> {
  expect(await envelope.openText(record, context)).toBe('x')
  expect((await envelope.seal('x', context)).length).toBeGreaterThan(300)
}

describe('KMS that cannot be asked', () => {
  it.each<FakeKmsFault>([
    'silence',
    'cut',
    'throttle',
    'server-error',
    { errorName: 'ExpiredTokenException' },
    { errorName: 'InvalidSignatureException' },
    { errorName: 'UnrecognizedClientException' },
    { errorName: 'KeyUnavailableException' },
  ])(
    '(%j) stops nobody until stale-if-error ends; then seals and opens fail as unavailable',
    async (kind) => {
      const envelope = newEnvelope()
      const record = await envelope.seal('x', context)
      kms.fail(kind)
      clock.advanceSeconds(899)
      await use(envelope, record)
      clock.advanceSeconds(1)
      const codes = [codeOf(() => envelope.open(record, context)), codeOf(() => envelope.seal('x', context))]
      expect(await Promise.all(codes)).toEqual([UNAVAILABLE, UNAVAILABLE])
      kms.recover()
      await use(envelope, record)
      expect(operations().filter((operation) => operation === 'GenerateDataKey')).toHaveLength(1)
    },
    20_000,
  )
})

describe('a KMS key that is taken away', () => {
  it.each(['Disabled', 'PendingDeletion'] as const)(
    '(%s) seals and opens nothing within revalidateSeconds',
    async (state) => {
      const sealing = newEnvelope()
      const record = await sealing.seal('x', context)
      const reading = newEnvelope()
      await use(reading, record)
      kms.setKeyState(keyArn, state)
      clock.advanceSeconds(300)
      for (const envelope of [sealing, reading]) {
        expect(await codeOf(() => envelope.open(record, context))).toBe(DENIED)
        expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
      }
      kms.setKeyState(keyArn, 'Enabled')
      for (const envelope of [sealing, reading]) await use(envelope, record)
    },
  )

  it('by policy does the same', async () => {
    const envelope = newEnvelope()
    const record = await envelope.seal('x', context)
    kms.fail('access-denied')
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.open(record, context))).toBe(DENIED)
    expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
  })

  it('ends everything also when only Decrypt is taken away', async () => {
    const envelope = newEnvelope()
    await envelope.seal('x', context)
    kms.fail('access-denied', { operation: 'Decrypt' })
    clock.advanceSeconds(300)
    for (let i = 0; i < 10; i++) {
      expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
      clock.advanceSeconds(60)
    }
  })

  it('is asked about once, whatever Regions its kid is written with', async () => {
    const mrk = kms.createKey({ multiRegion: true })
    const record = await newEnvelope({ keyId: mrk }).seal('x', context)
    const parsed = parseRecord(record)
    const id = mrk.split('/')[1]
    const twins = ['us-east-1', 'eu-central-1', 'nowhere'].map((region) =>
      replaceWrappedKeys(parsed, [{ ...parsed.wrappedKeys[0]!, kid: `${region}:${id}` }]),
    )
    const reader = newEnvelope({ keyId: mrk })
    for (const each of [record, ...twins]) await reader.open(each, context)
    kms.forgetCalls()
    clock.advanceSeconds(300)
    for (const each of [record, ...twins]) await reader.open(each, context)
    expect(operations()).toEqual(['Decrypt'])
    kms.setKeyState(mrk, 'Disabled')
    clock.advanceSeconds(300)
    expect(await codeOf(() => reader.open(record, context))).toBe(DENIED)
    kms.fail('cut')
    for (const twin of twins) expect(await codeOf(() => reader.open(twin, context))).toBe(UNAVAILABLE)
  })

  it('that only a few old records are under takes no other with it', async () => {
    const oldArn = kms.createKey()
    const aged = await newEnvelope({ keyId: oldArn }).seal('x', context)
    const envelope = newEnvelope({ decryptKeyIds: [oldArn] })
    const record = await envelope.seal('x', context)
    await use(envelope, aged)
    kms.setKeyState(oldArn, 'Disabled')
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.open(aged, context))).toBe(DENIED)
    await use(envelope, record)
  })
})

describe('the material of a key', () => {
  it('may be rotated at any time: what was sealed before opens, in old processes and new ones', async () => {
    const envelope = newEnvelope()
    const before = await envelope.seal('x', context)
    kms.rotateKey(keyArn)
    clock.advanceSeconds(300)
    await use(envelope, before)
    const after = await newEnvelope().seal('x', context)
    for (const record of [before, after]) await use(newEnvelope(), record)
  })
})

describe('a planted record', () => {
  it('under a foreign key costs no call; under ours, one call in 5 minutes; neither harms anybody else', async () => {
    const foreign = await newEnvelope({ keyId: kms.createKey() }).seal('x', context)
    const envelope = newEnvelope()
    const record = await envelope.seal('x', context)
    const bent = new Uint8Array(record)
    const [kid = ''] = recordKeyIds(record)
    const wrappedAt = 6 + 2 + kid.length + 2
    bent[wrappedAt + 100] = (bent[wrappedAt + 100] as number) ^ 1
    const calls = kms.calls.length
    for (let i = 0; i < 20; i++) {
      expect(await codeOf(() => envelope.open(foreign, context))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
      expect(await codeOf(() => envelope.open(bent, context))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
    expect(kms.calls.length - calls).toBe(1)
    await use(envelope, record)
    expect(kms.calls.length - calls).toBe(1)
  })
})

describe('one of two Regions down', () => {
  const regional = (): Partial<AwsKmsKeyringOptions> => ({
    alsoWrapFor: [{ client: clientOf('us-west-2'), keyId: otherArn }],
  })
  let otherArn: string
  beforeEach(() => {
    otherArn = kms.createKey({ region: 'us-west-2' })
  })

  it('opens go on, and sealing goes on until stale-if-error ends', async () => {
    const envelope = newEnvelope(regional())
    const record = await envelope.seal('x', context)
    kms.fail('cut', { region: keyArn.split(':')[3] ?? '' })
    clock.advanceSeconds(899)
    await use(envelope, record)
    clock.advanceSeconds(3600)
    expect(await envelope.openText(record, context)).toBe('x')
    expect(await newEnvelope(regional()).openText(record, context)).toBe('x')
    expect(await codeOf(() => envelope.seal('x', context))).toBe(UNAVAILABLE)
  })

  it('is waited for once, not at every data key', async () => {
    const home = keyArn.split(':')[3] ?? ''
    const records = await Promise.all([1, 2, 3].map(() => newEnvelope(regional()).seal('x', context)))
    const envelope = newEnvelope(regional())
    kms.fail('cut', { region: home })
    kms.forgetCalls()
    for (const record of records) expect(await envelope.openText(record, context)).toBe('x')
    expect(kms.calls.map(({ region }) => region)).toEqual([home, 'us-west-2', 'us-west-2', 'us-west-2'])
    kms.recover()
    await envelope.seal('x', context)
    kms.forgetCalls()
    await envelope.open(await newEnvelope(regional()).seal('x', context), context)
    expect(kms.calls.filter(({ operation }) => operation === 'Decrypt').map(({ region }) => region)).toEqual([home])
  })

  it('the other one stops neither opening nor sealing, until a new data key is due', async () => {
    const envelope = newEnvelope(regional())
    const record = await envelope.seal('x', context)
    kms.fail('cut', { region: 'us-west-2' })
    clock.advanceSeconds(3600)
    await use(envelope, record)
    clock.advanceSeconds(86_400 + 899 - 3600)
    await use(envelope, record)
    clock.advanceSeconds(1)
    expect(await codeOf(() => envelope.seal('x', context))).toBe(UNAVAILABLE)
    expect(await envelope.openText(record, context)).toBe('x')
  })
})

describe('cache: false', () => {
  it('is a GenerateDataKey for each seal and a Decrypt for each open', async () => {
    const keyring = awsKmsKeyring({ client: clientOf(), keyId: keyArn })
    const envelope = createEnvelope({ keyring, encryptionContext: { app: 'shop' }, cache: false })
    const records = [await envelope.seal('x', context), await envelope.seal('x', context)]
    for (const record of records) await envelope.openText(record, context)
    expect(operations()).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt', 'Decrypt'])
  })
})
