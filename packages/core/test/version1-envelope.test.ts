/** Items of version 1 through an envelope: one data key each, opened through the same cache as records. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { KMSClient } from '@aws-sdk/client-kms'
import { fakeClock } from '@waxseal/testing'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, type Envelope, generateKey, localKeyring, type RecordEvent } from '../src/index.ts'
import { codeOf } from './support/codes.ts'

let kms: FakeKms
let keyArn: string
let client: KMSClient
const clock = fakeClock()

beforeEach(async () => {
  kms = await startFakeKms()
  keyArn = kms.createKey()
  client = new KMSClient({ ...kms.clientConfig(), maxAttempts: 1 })
})
afterEach(async () => {
  client.destroy()
  await kms.close()
})

const newEnvelope = (): Envelope =>
  createEnvelope({ keyring: awsKmsKeyring({ client, keyId: keyArn }), encryptionContext: { app: 'shop' }, clock })
const operations = (): string[] => kms.calls.map(({ operation }) => operation)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('sealVersion1 and openVersion1', () => {
  it('have a data key for each item, and no encryption context', async () => {
    const envelope = newEnvelope()
    const items = [await envelope.sealVersion1('{"a":1}'), await envelope.sealVersion1(Buffer.from('{"a":2}'))]
    expect(new Set(items.map(({ encryptedKey }) => encryptedKey)).size).toBe(2)
    const opened = await Promise.all(items.map((item) => newEnvelope().openVersion1(item)))
    expect(opened.map(text)).toEqual(['{"a":1}', '{"a":2}'])
    expect(operations()).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt', 'Decrypt'])
    for (const call of kms.calls) expect(call.encryptionContext ?? {}).toEqual({})
  })

  it('ask KMS once for an item, however often it is opened, and fail within revalidateSeconds like records', async () => {
    const item = await newEnvelope().sealVersion1('x')
    const envelope = newEnvelope()
    await Promise.all(Array.from({ length: 100 }, () => envelope.openVersion1(item)))
    expect(operations()).toEqual(['GenerateDataKey', 'Decrypt'])
    kms.setKeyState(keyArn, 'Disabled')
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.openVersion1(item))).toBe('ERR_WAXSEAL_KEY_DENIED')
    expect(await codeOf(() => envelope.sealVersion1('x'))).toBe('ERR_WAXSEAL_KEY_DENIED')
  })

  it('never take a record of version 2, nor are items records', async () => {
    const envelope = newEnvelope()
    const record = await envelope.seal('x', { id: '1' })
    const item = await envelope.sealVersion1('x')
    const crossed = { ...item, encryptedData: Buffer.from(record).toString('base64') }
    expect(await codeOf(() => envelope.openVersion1(crossed))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(await codeOf(() => envelope.open(item.encryptedData, { id: '1' }))).toBe('ERR_WAXSEAL_LEGACY_REFUSED')
  })

  it('refuse before they ask KMS', async () => {
    const envelope = newEnvelope()
    const item = await envelope.sealVersion1('x')
    kms.forgetCalls()
    const bent = { ...item, authTag: item.authTag.slice(0, 8) }
    expect(await codeOf(() => envelope.openVersion1(bent))).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    expect(await codeOf(() => envelope.sealVersion1(new Uint8Array(1_048_577)))).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(operations()).toEqual([])
  })

  it('need a keyring of AWS KMS, and an envelope that is not disposed', async () => {
    const local = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'shop' } })
    const envelope = newEnvelope()
    const item = await envelope.sealVersion1('x')
    envelope.dispose()
    for (const refusing of [local, envelope]) {
      expect(await codeOf(() => refusing.sealVersion1('x'))).toBe('ERR_WAXSEAL_ARGUMENT')
      expect(await codeOf(() => refusing.openVersion1(item))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
  })

  it('are counted, and say their version on the channels', async () => {
    const events: RecordEvent[] = []
    const note = (event: unknown): void => {
      events.push(event as RecordEvent)
    }
    for (const name of ['waxseal:seal', 'waxseal:open']) subscribe(name, note)
    const envelope = newEnvelope()
    await envelope.openVersion1(await envelope.sealVersion1('x'))
    for (const name of ['waxseal:seal', 'waxseal:open']) unsubscribe(name, note)
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ['seal', 1],
      ['open', 1],
    ])
    expect(envelope.stats()).toMatchObject({ seals: 1, opens: 1, dataKeysGenerated: 1, dataKeysUnwrapped: 1 })
  })
})
