import { describe, expect, it } from 'vitest'
import {
  createEnvelope,
  type Envelope,
  generateKey,
  inspectRecord,
  type Keyring,
  localKeyring,
  recordKeyIds,
  recordToText,
  WaxsealError,
} from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { countingKeyring } from './support/keyrings.ts'

const context = { id: '1' }
const [old, current] = [generateKey(), generateKey()]

function newEnvelope(keyring: Keyring, encryptionContext: Record<string, string> = { app: 'test' }): Envelope {
  return createEnvelope({ keyring, encryptionContext })
}

/** Salt, commitment and chunks. */
function payloadOf(record: Uint8Array): Buffer {
  const salt = inspectRecord(record).parts.find(({ field }) => field === 'salt')
  return Buffer.from(record.subarray(salt?.offset))
}

describe('rewrap', () => {
  it('moves a record to the current key and leaves its payload as it is, whatever its content and size', async () => {
    const before = newEnvelope(localKeyring(old))
    const both = newEnvelope(localKeyring(`${current},${old}`))
    const after = newEnvelope(localKeyring(current))
    const currentKid = recordKeyIds(await after.seal('x', context))
    const contents = [before.seal(new Uint8Array(0), context), before.seal('text', context)]
    contents.push(before.sealJson({ a: 1 }, context), before.seal(new Uint8Array(40_000).fill(7), context))
    for (const record of await Promise.all(contents)) {
      expect(await codeOf(() => after.open(record, context))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
      const rewrapped = await both.rewrap(record)
      expect(recordKeyIds(rewrapped)).toEqual(currentKid)
      expect(payloadOf(rewrapped).equals(payloadOf(record))).toBe(true)
      expect(rewrapped.subarray(0, 5)).toEqual(record.subarray(0, 5))
      expect(await after.open(rewrapped, context)).toEqual(await before.open(record, context))
    }
    expect(both.stats()).toMatchObject({ dataKeysRewrapped: 4, dataKeysUnwrapped: 0 })
  })

  it('takes the text form, and a record that is under the current key already', async () => {
    const envelope = newEnvelope(localKeyring(current))
    const record = await envelope.seal('x', context)
    const rewrapped = await envelope.rewrap(recordToText(record))
    expect(Buffer.from(rewrapped).equals(record)).toBe(false)
    expect(await envelope.openText(rewrapped, context)).toBe('x')
  })

  it('binds as before: another place and another encryption context do not open', async () => {
    const envelope = newEnvelope(localKeyring(`${current},${old}`))
    const rewrapped = await envelope.rewrap(await newEnvelope(localKeyring(old)).seal('x', context))
    const other = newEnvelope(localKeyring(current), { app: 'other' })
    expect(await codeOf(() => envelope.open(rewrapped, { id: '2' }))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(await codeOf(() => other.open(rewrapped, context))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(await codeOf(() => other.rewrap(rewrapped))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('overwrites the data key in between', async () => {
    const keyring = countingKeyring(localKeyring(`${current},${old}`))
    await newEnvelope(keyring).rewrap(await newEnvelope(localKeyring(old)).seal('x', context))
    expect(keyring.handedOut).toHaveLength(1)
    expect(Buffer.from(keyring.handedOut[0]!).equals(Buffer.alloc(32))).toBe(true)
  })

  it('unwraps nothing where the key service wraps anew by itself', async () => {
    const keyring = countingKeyring()
    const record = await newEnvelope(keyring).seal('x', context)
    const { keyringId, kid } = inspectRecord(record).wrappedKeys[0]!
    const wrappedKeys = [{ keyringId, kid, wrapped: new Uint8Array(104).fill(1) }]
    const inService: Keyring = { ...keyring, rewrapDataKey: async () => wrappedKeys }
    const rewrapped = await newEnvelope(inService).rewrap(record)
    expect(inspectRecord(rewrapped).wrappedKeys[0]?.wrapped).toEqual(wrappedKeys[0]?.wrapped)
    expect(keyring.unwrapped).toBe(0)
  })

  it('raises what the keyring raises, and refuses what is no record', async () => {
    const keyring = countingKeyring()
    const envelope = newEnvelope(keyring)
    const record = await envelope.seal('x', context)
    keyring.failure = new WaxsealError('ERR_WAXSEAL_KEY_DENIED', 'no')
    expect(await codeOf(() => envelope.rewrap(record))).toBe('ERR_WAXSEAL_KEY_DENIED')
    expect(await envelope.openText(record, context)).toBe('x')
    expect(await codeOf(() => envelope.rewrap(record.subarray(1)))).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    envelope.dispose()
    expect(await codeOf(() => envelope.rewrap(record))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('refuses to make a record longer than 1 MiB', async () => {
    const envelope = newEnvelope(localKeyring(old))
    const longest = await envelope.seal(new Uint8Array(1_048_576 - 197 - 63 * 16), context)
    const keyring: Keyring = {
      ...localKeyring(old),
      rewrapDataKey: async (wrappedKeys) => [
        ...wrappedKeys,
        { keyringId: 1, kid: 'eu-west-1:x', wrapped: new Uint8Array(1024) },
      ],
    }
    expect(longest.length).toBeGreaterThan(1_048_576 - 1024)
    expect(await codeOf(() => newEnvelope(keyring).rewrap(longest))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})
