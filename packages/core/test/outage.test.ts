import { describe, expect, it } from 'vitest'
import { recordKeyIds, type WaxsealErrorCode } from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { context, DENIED, fault, recordsOf, settle, setup, UNAVAILABLE } from './support/key-life.ts'

describe('an outage of the key service', () => {
  it.each<WaxsealErrorCode>([UNAVAILABLE, 'ERR_WAXSEAL_CONFIG', 'ERR_WAXSEAL_INTEGRITY', 'ERR_WAXSEAL_KEY_MISMATCH'])(
    'answering %s leaves keys good for staleIfErrorSeconds after the last good answer',
    async (code) => {
      const { keyring, clock, envelope } = setup()
      const record = await envelope.seal('x', context)
      keyring.failure = fault(code)
      for (const seconds of [240, 60, 300, 299.9]) {
        clock.advanceSeconds(seconds)
        expect(await envelope.openText(record, context)).toBe('x')
        await envelope.seal('x', context)
        await settle()
      }
      clock.advanceSeconds(0.1)
      expect(await codeOf(() => envelope.open(record, context))).toBe(code)
      expect(await codeOf(() => envelope.seal('x', context))).toBe(code)
      expect(envelope.stats().failures).toBe(2)
    },
  )

  it('ends for all data keys together, with one call', async () => {
    const { keyring, clock, another } = setup()
    const records = await recordsOf(50, another)
    const reader = another()
    for (const record of records) await reader.open(record, context)
    keyring.failure = fault(UNAVAILABLE)
    clock.advanceSeconds(1000)
    expect(await codeOf(() => reader.open(records[0]!, context))).toBe(UNAVAILABLE)
    keyring.failure = undefined
    const before = keyring.unwrapped
    await Promise.all(records.map((record) => reader.open(record, context)))
    expect(keyring.unwrapped - before).toBe(1)
  })

  it('is no reason to ask at every read', async () => {
    const { keyring, clock, envelope } = setup()
    const record = await envelope.seal('x', context)
    keyring.failure = fault(UNAVAILABLE)
    for (let i = 0; i < 890; i++) {
      clock.advanceSeconds(1)
      await envelope.open(record, context)
      await settle()
    }
    // From 240 s on, every 30 s.
    expect(keyring.unwrapped).toBe(22)
  })

  it('hides a revocation for staleIfErrorSeconds at most, and no longer than it lasts', async () => {
    const { keyring, clock, envelope } = setup()
    const record = await envelope.seal('x', context)
    keyring.failure = fault(UNAVAILABLE)
    clock.advanceSeconds(250)
    await envelope.open(record, context)
    await settle()
    keyring.failure = fault(DENIED)
    // Nobody asked for longer than revalidateSeconds: the next one waits for an answer.
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.open(record, context))).toBe(DENIED)
  })

  it('is not outlasted beyond revalidateSeconds when staleIfErrorSeconds is 0', async () => {
    const { keyring, clock, envelope } = setup({ staleIfErrorSeconds: 0 })
    const record = await envelope.seal('x', context)
    keyring.failure = fault(UNAVAILABLE)
    clock.advanceSeconds(299)
    await envelope.open(record, context)
    await settle()
    clock.advanceSeconds(1)
    expect(await codeOf(() => envelope.open(record, context))).toBe(UNAVAILABLE)
  })
})

describe('one record of somebody else', () => {
  it('that does not unwrap costs one call in 5 minutes and purges nothing', async () => {
    const { keyring, clock, envelope } = setup()
    const good = await envelope.seal('x', context)
    const planted = new Uint8Array(good)
    planted[planted.length - 150] = (planted[planted.length - 150] as number) ^ 1
    expect(recordKeyIds(planted)).toEqual(recordKeyIds(good))
    for (let i = 0; i < 10; i++)
      expect(await codeOf(() => envelope.open(planted, context))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(keyring.unwrapped).toBe(1)
    expect(await envelope.openText(good, context)).toBe('x')
    expect(keyring.unwrapped).toBe(1)
    clock.advanceSeconds(299.9)
    await codeOf(() => envelope.open(planted, context))
    expect(envelope.stats().keyringFailures).toBe(1)
    clock.advanceSeconds(0.1)
    await codeOf(() => envelope.open(planted, context))
    expect(envelope.stats().keyringFailures).toBe(2)
  })

  it('under a foreign key harms only itself', async () => {
    const { keyring, envelope } = setup()
    const good = await envelope.seal('x', context)
    const planted = await setup().envelope.seal('x', context)
    for (let i = 0; i < 10; i++) {
      expect(await codeOf(() => envelope.open(planted, context))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    }
    expect(keyring.unwrapped).toBe(1)
    expect(await envelope.openText(good, context)).toBe('x')
  })
})

describe('without cache', () => {
  it('every call asks, and nothing is remembered, good or bad', async () => {
    const { keyring, clock, envelope } = setup({ cache: false })
    const record = await envelope.seal('x', context)
    for (let i = 0; i < 3; i++) await envelope.open(record, context)
    keyring.failure = fault(DENIED)
    expect(await codeOf(() => envelope.open(record, context))).toBe(DENIED)
    keyring.failure = fault('ERR_WAXSEAL_INTEGRITY')
    for (let i = 0; i < 2; i++) await codeOf(() => envelope.open(record, context))
    keyring.failure = undefined
    clock.advanceSeconds(300)
    await envelope.open(record, context)
    expect(envelope.stats()).toMatchObject({
      dataKeysGenerated: 1,
      dataKeysUnwrapped: 4,
      keyringFailures: 3,
      probes: 0,
    })
  })
})

describe('the options', () => {
  it.each([
    ['revalidateSeconds', 0],
    ['revalidateSeconds', -1],
    ['revalidateSeconds', Number.NaN],
    ['revalidateSeconds', Number.POSITIVE_INFINITY],
    ['staleIfErrorSeconds', -1],
    ['staleIfErrorSeconds', Number.NaN],
  ])('%s of %d is refused', async (name, value) => {
    expect(await codeOf(async () => setup({ [name]: value }))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})
