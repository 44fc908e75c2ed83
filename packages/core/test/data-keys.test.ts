import { randomBytes } from 'node:crypto'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, it } from 'vitest'
import {
  createEnvelope,
  type Envelope,
  type EnvelopeOptions,
  generateKey,
  inspectRecord,
  type Keyring,
  localKeyring,
  WaxsealError,
} from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { countingKeyring, nextTurn } from './support/keyrings.ts'

const context = { id: '1' }
const down = new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true })
const DAY = 86_400

function setup(options: Partial<EnvelopeOptions> = {}) {
  const keyring = countingKeyring()
  const clock = fakeClock()
  const open = (): Envelope => createEnvelope({ keyring, clock, encryptionContext: { app: 'test' }, ...options })
  return { keyring, clock, envelope: open(), another: open }
}

/** The wrapped key of a record: the same for records under the same data key. */
const dataKeyOf = (record: Uint8Array): string =>
  Buffer.from(inspectRecord(record).wrappedKeys[0]!.wrapped).toString('hex')

describe('a stampede', () => {
  it('of 1,000 cold seals costs one call', async () => {
    const { keyring, envelope } = setup()
    await Promise.all(Array.from({ length: 1000 }, (_, i) => envelope.seal('x', { id: String(i) })))
    expect(keyring).toMatchObject({ generated: 1, unwrapped: 0 })
  })

  it('of 1,000 cold opens of one record costs one call', async () => {
    const { keyring, envelope, another } = setup()
    const record = await envelope.seal('x', context)
    const cold = another()
    const texts = await Promise.all(Array.from({ length: 1000 }, () => cold.openText(record, context)))
    expect(new Set(texts)).toEqual(new Set(['x']))
    expect(keyring).toMatchObject({ generated: 1, unwrapped: 1 })
  })

  it('over 10,000 record contexts costs one call in the process that seals', async () => {
    const { keyring, envelope } = setup()
    for (let i = 0; i < 10_000; i++) {
      const place = { id: String(i) }
      expect(await envelope.openText(await envelope.seal('x', place), place)).toBe('x')
    }
    expect(keyring).toMatchObject({ generated: 1, unwrapped: 0 })
    expect(envelope.stats()).toMatchObject({ seals: 10_000, opens: 10_000, cacheHits: 19_999, cacheMisses: 1 })
  })

  it('over 10,000 record contexts costs one call in a process that only opens', async () => {
    const { keyring, envelope, another } = setup()
    const places = Array.from({ length: 10_000 }, (_, i) => ({ id: String(i) }))
    const records = await Promise.all(places.map((place) => envelope.seal('x', place)))
    const cold = another()
    await Promise.all(records.map((record, i) => cold.open(record, places[i]!)))
    expect(keyring).toMatchObject({ generated: 1, unwrapped: 1 })
  })
})

describe('a failed call', () => {
  it('reaches everyone who waits, and the next one asks anew', async () => {
    const { keyring, envelope, another } = setup()
    keyring.failure = down
    const waiting = Array.from({ length: 10 }, () => codeOf(() => envelope.seal('x', context)))
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ERR_WAXSEAL_KEY_UNAVAILABLE']))
    expect(keyring.generated).toBe(1)
    keyring.failure = undefined
    const record = await envelope.seal('x', context)
    expect(keyring.generated).toBe(2)

    keyring.failure = down
    const cold = another()
    const opening = Array.from({ length: 10 }, () => codeOf(() => cold.open(record, context)))
    expect(new Set(await Promise.all(opening))).toEqual(new Set(['ERR_WAXSEAL_KEY_UNAVAILABLE']))
    expect(keyring.unwrapped).toBe(1)
    keyring.failure = undefined
    expect(await cold.openText(record, context)).toBe('x')
    expect(envelope.stats()).toMatchObject({ failures: 10, keyringFailures: 1, dataKeysGenerated: 1 })
    expect(cold.stats()).toMatchObject({
      failures: 10,
      keyringFailures: 1,
      dataKeysUnwrapped: 1,
    })
  })

  it('of a keyring that raises anything is a retryable error of ours, cause kept', async () => {
    const { keyring, envelope } = setup()
    keyring.failure = new RangeError('something else')
    const error: unknown = await envelope.seal('x', context).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true, cause: keyring.failure })
  })
})

describe('the age of a data key', () => {
  it('is 86,400 seconds; afterwards sealing waits for a new one', async () => {
    const { keyring, clock, envelope } = setup()
    const first = await envelope.seal('x', context)
    clock.advanceSeconds(DAY)
    const second = await envelope.seal('x', context)
    expect(keyring.generated).toBe(2)
    expect(dataKeyOf(first)).not.toBe(dataKeyOf(second))
    expect(await envelope.openText(first, context)).toBe('x')
  })

  it('is renewed in the background from 80 % on, once', async () => {
    const { keyring, clock, envelope } = setup()
    const first = dataKeyOf(await envelope.seal('x', context))
    clock.advanceSeconds(0.8 * DAY - 1)
    await envelope.seal('x', context)
    expect(keyring.generated).toBe(1)
    clock.advanceSeconds(1)
    const meanwhile = await Promise.all(Array.from({ length: 100 }, () => envelope.seal('x', context)))
    expect(new Set(meanwhile.map(dataKeyOf))).toEqual(new Set([first]))
    await nextTurn()
    await nextTurn()
    expect(keyring.generated).toBe(2)
    expect(dataKeyOf(await envelope.seal('x', context))).not.toBe(first)
    clock.advanceSeconds(0.2 * DAY)
    await envelope.seal('x', context)
    expect(keyring.generated).toBe(2)
  })

  it('rotates at the limit exactly, one call for all who cross it together', async () => {
    const { keyring, clock, envelope } = setup({ dataKeyMaxAgeSeconds: 60, staleIfErrorSeconds: 0 })
    const first = dataKeyOf(await envelope.seal('x', context))
    keyring.failure = down
    clock.advanceSeconds(59.999)
    expect(dataKeyOf(await envelope.seal('x', context))).toBe(first)
    await nextTurn()
    await nextTurn()
    keyring.failure = undefined
    clock.advanceSeconds(0.001)
    const crossing = await Promise.all(Array.from({ length: 100 }, () => envelope.seal('x', context)))
    expect(new Set(crossing.map(dataKeyOf)).size).toBe(1)
    expect(dataKeyOf(crossing[0]!)).not.toBe(first)
    expect(keyring.generated).toBe(3)
  })

  it('keeps the old key when renewal fails, tries again later, and ends all the same', async () => {
    const { keyring, clock, envelope } = setup({ revalidateSeconds: 10 * DAY })
    const first = dataKeyOf(await envelope.seal('x', context))
    keyring.failure = down
    clock.advanceSeconds(0.8 * DAY)
    for (let i = 0; i < 10; i++) {
      expect(dataKeyOf(await envelope.seal('x', context))).toBe(first)
      await nextTurn()
    }
    expect(keyring.generated).toBe(2)
    expect(envelope.stats()).toMatchObject({ keyringFailures: 1, failures: 0 })
    clock.advanceSeconds(0.01 * DAY)
    await envelope.seal('x', context)
    await nextTurn()
    expect(keyring.generated).toBe(3)
    clock.advanceSeconds(0.19 * DAY + 899)
    expect(dataKeyOf(await envelope.seal('x', context))).toBe(first)
    clock.advanceSeconds(1)
    expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  })

  it('outlasts an outage by staleIfErrorSeconds also when nobody sealed before it ended', async () => {
    const { keyring, clock, envelope } = setup({ revalidateSeconds: 10 * DAY })
    const first = dataKeyOf(await envelope.seal('x', context))
    keyring.failure = down
    clock.advanceSeconds(DAY + 899)
    expect(dataKeyOf(await envelope.seal('x', context))).toBe(first)
    clock.advanceSeconds(1)
    expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  })

  it('is not cut short when the service refuses to make a new key, as long as it lets us use the old one', async () => {
    const { keyring, clock, envelope } = setup()
    const first = dataKeyOf(await envelope.seal('x', context))
    keyring.refusal = new WaxsealError('ERR_WAXSEAL_KEY_DENIED', 'only for generating')
    clock.advanceSeconds(0.8 * DAY)
    for (let i = 0; i < 3; i++) {
      expect(dataKeyOf(await envelope.seal('x', context))).toBe(first)
      await nextTurn()
      await nextTurn()
    }
    // A refusal makes doubtful what there is, so that it was asked about: after the idle time, and after the refusal.
    expect(envelope.stats().probes).toBe(2)
    clock.advanceSeconds(0.2 * DAY)
    expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_KEY_DENIED')
  })

  it('is measured on the monotonic clock', async () => {
    const { keyring, clock, envelope } = setup()
    await envelope.seal('x', context)
    clock.setNow(clock.now() + 10 * DAY * 1000)
    await envelope.seal('x', context)
    clock.setNow(0)
    await envelope.seal('x', context)
    await nextTurn()
    expect(keyring.generated).toBe(1)
  })

  it('is what dataKeyMaxAgeSeconds says', async () => {
    const { keyring, clock, envelope } = setup({ dataKeyMaxAgeSeconds: 60 })
    await envelope.seal('x', context)
    clock.advanceSeconds(60)
    await envelope.seal('x', context)
    expect(keyring.generated).toBe(2)
  })

  it('does not end a sealer that holds it', async () => {
    const { clock, envelope } = setup()
    const sealer = await envelope.prepare()
    const before = dataKeyOf(sealer.seal('x', context))
    clock.advanceSeconds(10 * DAY)
    expect(dataKeyOf(sealer.seal('x', context))).toBe(before)
    expect(dataKeyOf(await envelope.seal('x', context))).not.toBe(before)
  })

  it('is 24 hours on the side that opens', async () => {
    const { keyring, clock, envelope, another } = setup({ dataKeyMaxAgeSeconds: 10 * DAY, revalidateSeconds: 10 * DAY })
    const record = await envelope.seal('x', context)
    const cold = another()
    for (const reader of [envelope, cold]) await reader.open(record, context)
    expect(keyring.unwrapped).toBe(1)
    clock.advanceSeconds(DAY - 1)
    for (const reader of [envelope, cold]) await reader.open(record, context)
    expect(keyring.unwrapped).toBe(1)
    clock.advanceSeconds(1)
    for (const reader of [envelope, cold]) await reader.open(record, context)
    expect(keyring.unwrapped).toBe(3)
    expect(cold.stats()).toMatchObject({ dataKeysUnwrapped: 2, probes: 0 })
  })
})

describe('the caches', () => {
  it('hold 1,000 encryption contexts to seal under, and forget the one used longest ago', async () => {
    const { keyring, envelope } = setup()
    const tenant = (i: number): Envelope => envelope.with({ tenant: String(i) })
    for (let i = 0; i < 1000; i++) await tenant(i).seal('x', context)
    await tenant(0).seal('x', context)
    await tenant(1000).seal('x', context)
    expect(keyring.generated).toBe(1001)
    await tenant(0).seal('x', context)
    expect(keyring.generated).toBe(1001)
    await tenant(1).seal('x', context)
    expect(keyring.generated).toBe(1002)
  })

  it('give nothing back to a call that was under way when they were purged', async () => {
    const { envelope } = setup()
    const sealing = envelope.seal('x', context)
    envelope.dispose()
    expect((await sealing).length).toBeGreaterThan(0)
    expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('when off, every record has its own data key and every open asks', async () => {
    const { keyring, envelope } = setup({ cache: false })
    const records = await Promise.all([envelope.seal('x', context), envelope.seal('x', context)])
    expect(new Set(records.map(dataKeyOf)).size).toBe(2)
    await Promise.all([envelope.open(records[0]!, context), envelope.open(records[0]!, context)])
    expect(keyring).toMatchObject({ generated: 2, unwrapped: 2 })
    const sealer = await envelope.prepare()
    sealer.seal('x', context)
    expect(await codeOf(() => sealer.seal('x', context))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})

describe('plaintext data keys', () => {
  it('are overwritten as soon as they are taken', async () => {
    const { keyring, envelope, another } = setup()
    await another().open(await envelope.seal('x', context), context)
    expect(keyring.handedOut).toHaveLength(2)
    for (const bytes of keyring.handedOut) expect(Buffer.from(bytes).equals(Buffer.alloc(32))).toBe(true)
  })

  it('of another length are refused and overwritten too', async () => {
    const plaintextKey = randomBytes(16)
    const inner = localKeyring(generateKey())
    const keyring: Keyring = {
      ...inner,
      generateDataKey: async (encryptionContext) => ({
        ...(await inner.generateDataKey(encryptionContext)),
        plaintextKey,
      }),
    }
    const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
    expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(plaintextKey.equals(Buffer.alloc(16))).toBe(true)
  })

  it('with wrapped keys that no record can hold are refused', async () => {
    const inner = localKeyring(generateKey())
    for (const wrappedKeys of [[], [{ keyringId: 9, kid: 'x', wrapped: new Uint8Array(8) }]]) {
      const keyring: Keyring = {
        ...inner,
        generateDataKey: async (encryptionContext) => ({
          ...(await inner.generateDataKey(encryptionContext)),
          wrappedKeys,
        }),
      }
      const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
      expect(await codeOf(() => envelope.seal('x', context))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
  })
})
