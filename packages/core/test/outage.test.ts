import { describe, expect, it } from 'vitest'
import {
  generateKey,
  type Keyring,
  localKeyring,
  multiKeyring,
  passphraseKeyring,
  recordKeyIds,
  type WaxsealErrorCode,
} from '../src/index.ts'
import { parseRecord, replaceWrappedKeys } from '../src/record.ts'
import { hasCode } from '../src/verdict.ts'
import { codeOf } from './support/codes.ts'
import { context, DENIED, fault, recordsOf, resolvable, settle, setup, UNAVAILABLE } from './support/key-life.ts'
import { countingKeyring } from './support/keyrings.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Not ours stays not ours; whatever else comes of it is denied. */
async function deniedIfOurs<Result>(outcome: Promise<Result>): Promise<never> {
  try {
    await outcome
  } catch (error) {
    if (hasCode(error, 'ERR_WAXSEAL_KEY_MISMATCH')) throw error
  }
  throw fault(DENIED)
}

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

  it('is outlasted also by data keys that were due for unwrapping again', async () => {
    const { keyring, clock, another } = setup()
    const [record] = await recordsOf(1, another)
    const reader = another()
    await reader.open(record!, context)
    for (let i = 1; i < 24 * 60; i++) {
      clock.advanceSeconds(60)
      await reader.open(record!, context)
      await settle()
    }
    expect(reader.stats().dataKeysUnwrapped).toBe(1)
    keyring.failure = fault(UNAVAILABLE)
    for (let i = 0; i < 10; i++) {
      clock.advanceSeconds(60)
      expect(await reader.openText(record!, context)).toBe('x')
      await settle()
    }
    clock.advanceSeconds(300)
    expect(await codeOf(() => reader.open(record!, context))).toBe(UNAVAILABLE)
    keyring.failure = undefined
    expect(await reader.openText(record!, context)).toBe('x')
    expect(reader.stats().dataKeysUnwrapped).toBe(2)
  })

  it('is outlasted by sealing although nobody sealed for a while before the age of its data key ended', async () => {
    const { keyring, clock, envelope } = setup({ dataKeyMaxAgeSeconds: 1000 })
    await envelope.seal('x', context)
    clock.advanceSeconds(700)
    await envelope.seal('x', context)
    keyring.failure = fault(UNAVAILABLE)
    clock.advanceSeconds(400)
    expect((await envelope.seal('x', context)).length).toBeGreaterThan(0)
    expect((await envelope.seal('x', context)).length).toBeGreaterThan(0)
  })

  it('that a renewal in the background meets is no reason for anybody else to fail', async () => {
    const { keyring, clock, envelope } = setup({ dataKeyMaxAgeSeconds: 1000 })
    await envelope.seal('x', context)
    clock.advanceSeconds(600)
    await envelope.seal('x', context)
    await settle()
    const { promise, resolve } = resolvable()
    keyring.pause = promise
    keyring.failure = fault(UNAVAILABLE)
    clock.advanceSeconds(299)
    await envelope.seal('x', context)
    clock.advanceSeconds(2)
    const waiting = envelope.seal('x', context)
    await settle()
    resolve()
    expect((await waiting).length).toBeGreaterThan(0)
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

  it('under a key of ours that is disabled costs one call in 5 seconds', async () => {
    const { keyring, clock, another } = setup()
    const [planted] = await recordsOf(1, another)
    const reader = another()
    keyring.failure = fault(DENIED)
    for (let i = 0; i < 20; i++) expect(await codeOf(() => reader.open(planted!, context))).toBe(DENIED)
    expect(keyring.unwrapped).toBe(1)
    keyring.failure = undefined
    clock.advanceSeconds(5)
    expect(await reader.openText(planted!, context)).toBe('x')
  })

  it('beside a denied key purges nothing under another that it names', async () => {
    const passphrase = 'a passphrase that is long enough'
    const ours = passphraseKeyring({ passphrase, kid: 'ours', N: 1024 })
    const likeOurs = passphraseKeyring({ passphrase: 'another one of that length', kid: 'ours', N: 2048 })
    const inner = localKeyring(generateKey())
    const denied: Keyring = { ...inner, unwrapDataKey: async (...rest) => deniedIfOurs(inner.unwrapDataKey(...rest)) }
    const keyring = countingKeyring(multiKeyring([ours, denied]))
    const { envelope } = setup({ keyring })
    const good = await envelope.seal('x', context)
    const [, second] = parseRecord(good).wrappedKeys
    const { wrappedKeys } = await likeOurs.generateDataKey({ app: 'test' })
    const planted = replaceWrappedKeys(parseRecord(good), [
      ...wrappedKeys,
      { ...second!, wrapped: new Uint8Array(104) },
    ])
    expect(await codeOf(() => envelope.open(planted, context))).toBe(DENIED)
    const { unwrapped, generated } = keyring
    await envelope.open(good, context)
    await envelope.seal('x', context)
    expect(keyring).toMatchObject({ unwrapped, generated })
  })

  it('whose genuine data key stands among any number of others takes one place in the cache', async () => {
    const { keyring, envelope, another } = setup()
    const [mine] = await recordsOf(1, another)
    await envelope.open(mine!, context)
    const parsed = parseRecord(mine!)
    for (let i = 0; i < 50; i++) {
      const junk = { keyringId: 1, kid: `nowhere:${i}`, wrapped: Uint8Array.of(1) }
      await envelope.open(replaceWrappedKeys(parsed, [junk, ...parsed.wrappedKeys]), context)
    }
    expect(keyring.unwrapped).toBe(1)
  })

  it('that does not unwrap any more takes nobody beside it down', async () => {
    const inner = localKeyring(generateKey())
    let lost: string | undefined
    const keyring: Keyring = {
      ...inner,
      async unwrapDataKey(wrappedKeys, encryptionContext) {
        if (wrappedKeys.some(({ wrapped }) => hex(wrapped) === lost)) throw fault('ERR_WAXSEAL_INTEGRITY')
        return inner.unwrapDataKey(wrappedKeys, encryptionContext)
      },
    }
    const { clock, envelope, another } = setup({ keyring })
    const [first, second] = await recordsOf(2, another)
    for (const lostOne of [first!, second!]) {
      await envelope.open(first!, context)
      await envelope.open(second!, context)
      lost = hex(parseRecord(lostOne).wrappedKeys[0]!.wrapped)
      const other = lostOne === first ? second! : first!
      for (let i = 0; i < 20; i++) {
        clock.advanceSeconds(60)
        expect(await envelope.openText(other, context)).toBe('x')
        await settle()
      }
      lost = undefined
      clock.advanceSeconds(300)
    }
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
