import { describe, expect, it } from 'vitest'
import { generateKey, type Keyring, localKeyring, recordKeyIds, type WaxsealErrorCode } from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { context, DENIED, fault, recordsOf, resolvable, settle, setup, UNAVAILABLE } from './support/key-life.ts'

describe('one question to the key service', () => {
  it('every revalidateSeconds vouches for all data keys beneath a key and an encryption context', async () => {
    const { keyring, clock, another } = setup()
    const records = await recordsOf(20, another)
    const reader = another()
    const readAll = (): Promise<Uint8Array[]> => Promise.all(records.map((record) => reader.open(record, context)))
    await readAll()
    expect(keyring.unwrapped).toBe(20)
    for (let i = 1; i <= 10; i++) {
      clock.advanceSeconds(300)
      await readAll()
      expect(reader.stats().probes).toBe(i)
    }
    expect(keyring.unwrapped).toBe(30)
  })

  it('is asked in the background from 80 % of that time on, so that nobody waits', async () => {
    const { keyring, clock, envelope } = setup()
    await envelope.seal('x', context)
    clock.advanceSeconds(239.9)
    await envelope.seal('x', context)
    await settle()
    expect(keyring.unwrapped).toBe(0)
    clock.advanceSeconds(0.1)
    await Promise.all(Array.from({ length: 100 }, () => envelope.seal('x', context)))
    expect(envelope.stats()).toMatchObject({ cacheMisses: 1, probes: 0 })
    await settle()
    expect(envelope.stats()).toMatchObject({ probes: 1 })
    clock.advanceSeconds(239.9)
    await envelope.seal('x', context)
    expect(envelope.stats()).toMatchObject({ cacheMisses: 1, probes: 1 })
  })

  it('is one call for all who wait for it after an idle time', async () => {
    const { keyring, clock, envelope, another } = setup()
    const record = await envelope.seal('x', context)
    const reader = another()
    await reader.open(record, context)
    clock.advanceSeconds(3600)
    await Promise.all(Array.from({ length: 1000 }, () => reader.open(record, context)))
    expect(keyring.unwrapped).toBe(2)
    expect(reader.stats()).toMatchObject({ dataKeysUnwrapped: 1, probes: 1 })
  })

  it('is answered by any other data key that unwraps meanwhile', async () => {
    const { clock, another } = setup()
    const [first, second] = await recordsOf(2, another)
    const reader = another()
    await reader.open(first!, context)
    clock.advanceSeconds(200)
    await reader.open(second!, context)
    clock.advanceSeconds(239)
    await reader.open(first!, context)
    expect(reader.stats()).toMatchObject({ cacheMisses: 2, probes: 0 })
  })

  it('is not taken back by the late answer to an earlier one', async () => {
    const { keyring, clock, another } = setup()
    const [first, second, third] = await recordsOf(3, another)
    const reader = another()
    await reader.open(first!, context)
    const held = resolvable()
    keyring.pause = held.promise
    const late = reader.open(second!, context)
    keyring.pause = undefined
    clock.advanceSeconds(200)
    await reader.open(third!, context)
    held.resolve()
    await late
    clock.advanceSeconds(239)
    await reader.open(first!, context)
    expect(reader.stats()).toMatchObject({ cacheMisses: 3, probes: 0 })
  })

  it('is asked for each encryption context', async () => {
    const { clock, envelope } = setup()
    const tenants = ['a', 'b'].map((tenant) => envelope.with({ tenant }))
    for (const tenant of tenants) await tenant.seal('x', context)
    clock.advanceSeconds(300)
    for (const tenant of tenants) await tenant.seal('x', context)
    expect(envelope.stats().probes).toBe(2)
  })

  it('overwrites the plaintext key that it was answered with', async () => {
    const { keyring, clock, envelope } = setup()
    await envelope.seal('x', context)
    clock.advanceSeconds(300)
    await envelope.seal('x', context)
    expect(keyring.handedOut).toHaveLength(2)
    for (const bytes of keyring.handedOut) expect(Buffer.from(bytes).equals(Buffer.alloc(32))).toBe(true)
  })

  it('is measured on the monotonic clock', async () => {
    const { keyring, clock, envelope } = setup()
    await envelope.seal('x', context)
    clock.setNow(clock.now() + 86_400_000)
    await envelope.seal('x', context)
    clock.setNow(0)
    await envelope.seal('x', context)
    await settle()
    expect(keyring.unwrapped).toBe(0)
    clock.advanceSeconds(300)
    await envelope.seal('x', context)
    expect(keyring.unwrapped).toBe(1)
  })
})

describe('a key that is ours no more', () => {
  it('seals and opens nothing from revalidateSeconds on, in a process that was idle', async () => {
    const { keyring, clock, envelope, another } = setup()
    const [record] = await recordsOf(1, another)
    await envelope.seal('x', context)
    await envelope.open(record!, context)
    keyring.failure = fault(DENIED)
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.open(record!, context))).toBe(DENIED)
    expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
  })

  it('ends sooner in a busy one, on both sides and for every data key, also those not asked about', async () => {
    const { keyring, clock, envelope, another } = setup()
    const records = await recordsOf(3, another)
    await envelope.seal('x', context)
    for (const record of records) await envelope.open(record, context)
    keyring.failure = fault(DENIED)
    clock.advanceSeconds(240)
    await envelope.open(records[0]!, context)
    await settle()
    for (const record of records) expect(await codeOf(() => envelope.open(record, context))).toBe(DENIED)
    expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)

    keyring.failure = undefined
    clock.advanceSeconds(5)
    for (const record of records) expect(await envelope.openText(record, context)).toBe('x')
    expect(envelope.stats()).toMatchObject({ dataKeysUnwrapped: 6 })
  })

  it('stays so although new data keys can still be made under it', async () => {
    const { keyring, clock, envelope } = setup()
    await envelope.seal('x', context)
    keyring.unwrapFailure = fault(DENIED)
    clock.advanceSeconds(300)
    for (let i = 0; i < 20; i++) {
      expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
      clock.advanceSeconds(60)
      await settle()
    }
    keyring.unwrapFailure = undefined
    expect((await envelope.seal('x', context)).length).toBeGreaterThan(0)
  })

  it('stays so when an answer from before comes late', async () => {
    const { keyring, clock, another } = setup()
    const [first, second] = await recordsOf(2, another)
    const reader = another()
    await reader.open(first!, context)
    clock.advanceSeconds(299)
    const { promise, resolve } = resolvable()
    keyring.pause = promise
    const late = reader.open(second!, context)
    keyring.pause = undefined
    clock.advanceSeconds(1)
    keyring.failure = fault(DENIED)
    expect(await codeOf(() => reader.open(first!, context))).toBe(DENIED)
    keyring.failure = undefined
    resolve()
    await late
    keyring.failure = fault(UNAVAILABLE)
    expect(await codeOf(() => reader.open(second!, context))).toBe(UNAVAILABLE)
  })

  it('is found out about with more encryption contexts than are remembered', async () => {
    const { keyring, clock, envelope, another } = setup()
    const first = envelope.with({ tenant: 'first' })
    const record = await another().with({ tenant: 'first' }).seal('x', context)
    await first.open(record, context)
    for (let i = 0; i < 10_000; i++) {
      await envelope.with({ tenant: `${i}` }).seal('x', context)
      if (i % 100 === 0) await first.open(record, context)
    }
    keyring.failure = fault(DENIED)
    clock.advanceSeconds(240)
    await first.open(record, context)
    await settle()
    expect(await codeOf(() => first.open(record, context))).toBe(DENIED)
  }, 30_000)

  it('is dropped at once when any call under it is denied', async () => {
    const { keyring, envelope, another } = setup()
    const [held, fresh] = await recordsOf(2, another)
    await envelope.open(held!, context)
    keyring.failure = fault(DENIED)
    expect(await codeOf(() => envelope.open(fresh!, context))).toBe(DENIED)
    expect(await codeOf(() => envelope.open(held!, context))).toBe(DENIED)
  })

  it('takes no key of another encryption context with it', async () => {
    const { keyring, envelope } = setup()
    const [a, b] = [envelope.with({ tenant: 'a' }), envelope.with({ tenant: 'b' })]
    const record = await b.seal('x', context)
    const foreign = await a.seal('x', context)
    const cold = setup({ keyring })
    const [coldA, coldB] = [cold.envelope.with({ tenant: 'a' }), cold.envelope.with({ tenant: 'b' })]
    await coldB.open(record, context)
    keyring.failure = fault(DENIED)
    expect(await codeOf(() => coldA.open(foreign, context))).toBe(DENIED)
    expect(await coldB.openText(record, context)).toBe('x')
  })

  it('takes no other key of the keyring with it', async () => {
    const [old, current] = [generateKey(), generateKey()]
    const disabled = new Set<string>()
    const inner = localKeyring(`${current},${old}`)
    const keyring: Keyring = {
      ...inner,
      async unwrapDataKey(wrappedKeys, encryptionContext) {
        if (wrappedKeys.some(({ kid }) => disabled.has(kid))) throw fault(DENIED)
        return inner.unwrapDataKey(wrappedKeys, encryptionContext)
      },
    }
    const { clock, envelope, another } = setup({ keyring })
    const record = await envelope.seal('x', context)
    const aged = await another({ keyring: localKeyring(old) }).seal('x', context)
    for (const each of [record, aged]) await envelope.open(each, context)
    disabled.add(recordKeyIds(aged)[0]!)
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.open(aged, context))).toBe(DENIED)
    const { dataKeysUnwrapped } = envelope.stats()
    expect(await envelope.openText(record, context)).toBe('x')
    expect(envelope.stats()).toMatchObject({ dataKeysUnwrapped })
    expect((await envelope.seal('x', context)).length).toBeGreaterThan(0)
  })

  it('leaves a record readable that is wrapped under another key as well', async () => {
    const [mainKeyring, otherKeyring] = [localKeyring(generateKey()), localKeyring(generateKey())]
    let answer: WaxsealErrorCode | undefined
    const keyring: Keyring = {
      ...mainKeyring,
      async generateDataKey(encryptionContext) {
        const { plaintextKey, wrappedKeys } = await mainKeyring.generateDataKey(encryptionContext)
        const more = await otherKeyring.wrapDataKey(plaintextKey, encryptionContext)
        return { plaintextKey, wrappedKeys: [...wrappedKeys, ...more] }
      },
      async unwrapDataKey(wrappedKeys, encryptionContext) {
        if (answer === undefined) return mainKeyring.unwrapDataKey(wrappedKeys, encryptionContext)
        if (wrappedKeys.length === 1) throw fault(answer)
        return otherKeyring.unwrapDataKey(wrappedKeys, encryptionContext)
      },
    }
    for (const code of [DENIED, UNAVAILABLE] as const) {
      const { clock, envelope } = setup({ keyring })
      const record = await envelope.seal('x', context)
      answer = code
      clock.advanceSeconds(1000)
      expect(await envelope.openText(record, context)).toBe('x')
      expect(await envelope.openText(record, context)).toBe('x')
      expect(envelope.stats()).toMatchObject({ dataKeysUnwrapped: 1, keyringFailures: 1 })
      answer = undefined
    }
  })

  it('seals on for whoever prepared for it', async () => {
    const { keyring, clock, envelope } = setup()
    const sealer = await envelope.prepare()
    keyring.failure = fault(DENIED)
    clock.advanceSeconds(300)
    expect(await codeOf(() => envelope.seal('x', context))).toBe(DENIED)
    expect(sealer.seal('x', context).length).toBeGreaterThan(0)
  })

  it('is noticed although a call that began before was still under way', async () => {
    const { keyring, clock, envelope, another } = setup()
    const [record] = await recordsOf(1, another)
    const opening = envelope.open(record!, context)
    clock.advanceSeconds(299)
    await opening
    keyring.failure = fault(DENIED)
    clock.advanceSeconds(1)
    expect(await codeOf(() => envelope.open(record!, context))).toBe(DENIED)
  })
})
