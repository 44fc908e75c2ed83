/** The KMS keyring as an app has it: the real SDK, over HTTP, against a KMS that encrypts in earnest. */
import { KMSClient } from '@aws-sdk/client-kms'
import { type FakeKms, type FakeKmsOperation, startFakeKms } from '@waxseal/testing/kms'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, inspectRecord, type Keyring, type WrappedKey } from '../src/index.ts'
import { codeOf } from './support/codes.ts'

const encryptionContext = { app: 'shop', purpose: 'session' }
const place = { table: 'sessions', key: 'k1' }

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

function clientOf(region?: string): KMSClient {
  const client = new KMSClient({ ...kms.clientConfig(region), maxAttempts: 1 })
  clients.push(client)
  return client
}
const keyringOf = (options: Partial<AwsKmsKeyringOptions> = {}): Keyring =>
  awsKmsKeyring({ client: clientOf(), keyId: keyArn, ...options })
const envelopeOf = (keyring: Keyring = keyringOf()) => createEnvelope({ keyring, encryptionContext })
const idOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1)
const kidOf = (arn: string): string => `${arn.split(':')[3]}:${idOf(arn)}`
const kidsOf = (record: Uint8Array): string[] => inspectRecord(record).wrappedKeys.map(({ kid }) => kid)
const count = (operation: FakeKmsOperation): number => kms.calls.filter((call) => call.operation === operation).length

describe('an envelope over AWS KMS', () => {
  it('opens what it sealed, whatever that was and wherever it belongs', async () => {
    const writer = envelopeOf()
    const reader = envelopeOf()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 40_000 }), fc.string({ unit: 'grapheme' })),
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { minKeys: 1 }),
        async (plaintext, recordContext) => {
          const record = await writer.seal(plaintext, recordContext)
          const opened = await reader.open(record, recordContext)
          expect(Buffer.from(opened).equals(Buffer.from(plaintext))).toBe(true)
          const elsewhere = { ...recordContext, more: 'x'.repeat(1 + (recordContext.more?.length ?? 0)) }
          expect(await codeOf(() => reader.open(record, elsewhere))).toBe('ERR_WAXSEAL_INTEGRITY')
        },
      ),
    )
    expect(kms.calls.map(({ operation }) => operation)).toEqual(['GenerateDataKey', 'Decrypt'])
  })

  it('costs one GenerateDataKey for 1,000 concurrent cold seals and one Decrypt for 1,000 cold opens', async () => {
    const writer = envelopeOf()
    const seals = Array.from({ length: 1000 }, (_, i) => writer.seal('x', { id: String(i) }))
    const records = await Promise.all(seals)
    expect(kms.calls).toEqual([
      { operation: 'GenerateDataKey', region: 'eu-west-1', keyId: keyArn, encryptionContext, outcome: 'ok' },
    ])
    const reader = envelopeOf()
    await Promise.all(Array.from({ length: 1000 }, () => reader.open(records[7]!, { id: '7' })))
    await Promise.all(records.map((record, i) => reader.open(record, { id: String(i) })))
    expect(kms.calls.slice(1)).toEqual([
      { operation: 'Decrypt', region: 'eu-west-1', keyId: keyArn, encryptionContext, outcome: 'ok' },
    ])
  })

  it('asks KMS for every record with cache: false', async () => {
    const envelope = createEnvelope({ keyring: keyringOf(), encryptionContext, cache: false })
    const records = [await envelope.seal('a', place), await envelope.seal('b', place)]
    for (const record of records) await envelope.open(record, place)
    expect([count('GenerateDataKey'), count('Decrypt')]).toEqual([2, 2])
  })

  it('writes Region and key id into the record, and no account number', async () => {
    const record = await envelopeOf().seal('x'.repeat(1000), place)
    expect(kidsOf(record)).toEqual([kidOf(keyArn)])
    expect(inspectRecord(record).wrappedKeys[0]).toMatchObject({ keyring: 'aws-kms', keyringId: 1 })
    expect(Buffer.from(record).includes('111122223333')).toBe(false)
    expect(record.length - 1000).toBe(312)
  })

  it('binds the data key to the encryption context', async () => {
    const record = await envelopeOf().seal('x', place)
    const other = createEnvelope({ keyring: keyringOf(), encryptionContext: { ...encryptionContext, app: 'other' } })
    expect(await codeOf(() => other.open(record, place))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('opens after a rotation of the key material', async () => {
    const before = await envelopeOf().seal('x', place)
    kms.rotateKey(keyArn)
    const envelope = envelopeOf()
    expect(await envelope.openText(before, place)).toBe('x')
    expect(await envelope.openText(await envelope.seal('y', place), place)).toBe('y')
  })
})

describe('the keys of the configuration', () => {
  it('keyId may be a bare id of the Region of the client', async () => {
    const record = await envelopeOf(keyringOf({ keyId: idOf(keyArn) })).seal('x', place)
    expect(kidsOf(record)).toEqual([kidOf(keyArn)])
    expect(await envelopeOf(keyringOf({ keyId: idOf(keyArn) })).openText(record, place)).toBe('x')
    expect(await envelopeOf().openText(record, place)).toBe('x')
  })

  it('decryptKeyIds open what they wrapped, each asked under its own KeyId', async () => {
    const record = await envelopeOf().seal('old', place)
    const next = kms.createKey()
    kms.forgetCalls()
    for (const decryptKeyIds of [[keyArn], [idOf(keyArn)]]) {
      const envelope = envelopeOf(keyringOf({ keyId: next, decryptKeyIds }))
      expect(await envelope.openText(record, place)).toBe('old')
      expect(kidsOf(await envelope.seal('new', place))).toEqual([kidOf(next)])
    }
    const decrypted = kms.calls.filter(({ operation }) => operation === 'Decrypt').map(({ keyId }) => keyId)
    expect(decrypted).toEqual([keyArn, idOf(keyArn)])
  })

  it('a record under any other key is KEY_MISMATCH, and KMS is not asked', async () => {
    const record = await envelopeOf().seal('x', place)
    kms.forgetCalls()
    const other = envelopeOf(keyringOf({ keyId: kms.createKey() }))
    expect(await codeOf(() => other.open(record, place))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    const elsewhere = kms.createKey({ region: 'us-east-1' })
    const american = envelopeOf(keyringOf({ client: clientOf('us-east-1'), keyId: elsewhere }))
    expect(await codeOf(() => american.open(record, place))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(kms.calls).toEqual([])
  })

  it('ids alike in two Regions are two keys, unless it is a multi-Region key', async () => {
    const keyring = keyringOf()
    const { wrappedKeys } = await keyring.generateDataKey(encryptionContext)
    const moved = [{ ...wrappedKeys[0]!, kid: `us-east-1:${idOf(keyArn)}` }]
    kms.forgetCalls()
    expect(await codeOf(() => keyring.unwrapDataKey(moved, encryptionContext))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(kms.calls).toEqual([])
  })

  it('an alias wraps; it is asked what it stands for once, and Decrypt never hears of it', async () => {
    kms.setAlias('alias/shop', keyArn)
    const second = kms.createKey()
    const options = { keyId: 'alias/shop', decryptKeyIds: [second, keyArn] }
    const keyring = keyringOf(options)
    const { wrappedKeys } = await keyring.generateDataKey(encryptionContext)
    kms.setAlias('alias/shop', second)
    await keyring.generateDataKey(encryptionContext)
    await keyring.unwrapDataKey(wrappedKeys, encryptionContext)
    expect(kms.calls.map(({ operation, keyId }) => [operation, keyId])).toEqual([
      ['GenerateDataKey', 'alias/shop'],
      ['GenerateDataKey', keyArn],
      ['Decrypt', keyArn],
    ])
    // The next process follows the alias.
    expect(kidsOf(await envelopeOf(keyringOf(options)).seal('x', place))).toEqual([kidOf(second)])
  })

  it('an alias that has moved to a key not listed seals nothing', async () => {
    kms.setAlias('alias/shop', kms.createKey())
    const keyring = keyringOf({ keyId: 'alias/shop', decryptKeyIds: [keyArn] })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_CONFIG')
  })
})

describe('several Regions', () => {
  const american = 'us-east-1'

  it('a multi-Region key opens what its replica sealed, through the Region that it is configured for', async () => {
    const primary = kms.createKey({ multiRegion: true })
    const replica = kms.replicateKey(primary, american)
    const record = await envelopeOf(keyringOf({ keyId: primary })).seal('x', place)
    expect(kidsOf(record)).toEqual([kidOf(primary)])
    kms.forgetCalls()
    const reader = envelopeOf(keyringOf({ client: clientOf(american), keyId: replica }))
    expect(await reader.openText(record, place)).toBe('x')
    expect(kms.calls).toMatchObject([{ operation: 'Decrypt', region: american, keyId: replica }])
  })

  it('alsoWrapFor makes a record that either Region opens while the other is down', async () => {
    const second = kms.createKey({ region: american })
    const both = () => envelopeOf(keyringOf({ alsoWrapFor: [{ client: clientOf(american), keyId: second }] }))
    const record = await both().seal('x', place)
    expect(kidsOf(record)).toEqual([kidOf(keyArn), kidOf(second)])
    expect(kms.calls).toMatchObject([
      { operation: 'GenerateDataKey', region: 'eu-west-1', keyId: keyArn, encryptionContext },
      { operation: 'Encrypt', region: american, keyId: second, encryptionContext },
    ])
    for (const down of ['eu-west-1', american]) {
      kms.fail('server-error', { region: down })
      expect(await both().openText(record, place)).toBe('x')
      expect(await codeOf(() => both().seal('y', place))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
      kms.recover()
    }
    // A process of one Region alone needs to know nothing of the other.
    const one = envelopeOf(keyringOf({ client: clientOf(american), keyId: second }))
    expect(await one.openText(record, place)).toBe('x')
  })

  it('access is denied only when it is in every Region', async () => {
    const second = kms.createKey({ region: american })
    const both = () => envelopeOf(keyringOf({ alsoWrapFor: [{ client: clientOf(american), keyId: second }] }))
    const record = await both().seal('x', place)
    kms.setKeyState(keyArn, 'Disabled')
    expect(await both().openText(record, place)).toBe('x')
    kms.fail('server-error', { region: american })
    expect(await codeOf(() => both().open(record, place))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    kms.recover()
    kms.setKeyState(second, 'Disabled')
    expect(await codeOf(() => both().open(record, place))).toBe('ERR_WAXSEAL_KEY_DENIED')
  })

  it('bent bytes beside a disabled key do not look like a revocation', async () => {
    const second = kms.createKey({ region: american })
    const keyring = keyringOf({ alsoWrapFor: [{ client: clientOf(american), keyId: second }] })
    const { wrappedKeys } = await keyring.generateDataKey(encryptionContext)
    const bent = wrappedKeys.map((key) => ({ ...key, wrapped: Uint8Array.from(key.wrapped).fill(7, 170) }))
    for (const arn of [keyArn, second]) {
      kms.setKeyState(arn, 'Disabled')
      expect(await codeOf(() => keyring.unwrapDataKey(bent, encryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
      kms.setKeyState(arn, 'Enabled')
    }
  })

  it('a record that lists a key eight times costs one call', async () => {
    const primary = kms.createKey({ multiRegion: true })
    const keyring = keyringOf({ keyId: primary })
    const wrapped = new Uint8Array(184)
    const planted: WrappedKey[] = Array.from({ length: 8 }, (_, i) => ({
      keyringId: 1,
      kid: `region-${i}:${idOf(primary)}`,
      wrapped,
    }))
    expect(await codeOf(() => keyring.unwrapDataKey(planted, encryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(kms.calls).toHaveLength(1)
  })
})
