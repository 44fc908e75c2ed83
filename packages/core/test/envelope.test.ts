import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  createEnvelope,
  type Envelope,
  type EnvelopeOptions,
  generateKey,
  localKeyring,
  WaxsealError,
} from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'
import { countingKeyring } from './support/keyrings.ts'

const MISUSE = 'ERR_WAXSEAL_ARGUMENT'
const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'
const context = { purpose: 'session', table: 'sessions', key: 'k' }

function newEnvelope(options: Partial<EnvelopeOptions> = {}): Envelope {
  return createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' }, ...options })
}

describe('seal and open', () => {
  const envelope = newEnvelope()

  it.each([0, 1, 16_383, 16_384, 16_385, 32_768, 100_000])('gives back %i bytes', async (length) => {
    const plaintext = randomBytes(length)
    expect(await envelope.open(await envelope.seal(plaintext, context), context)).toEqual(new Uint8Array(plaintext))
  })

  it.each(['', 'hello', '\ufeffwith a mark', 'na\u00efve \u{1f511}', '\0'])('gives back the text %j', async (text) => {
    const record = await envelope.seal(text, context)
    expect(await envelope.openText(record, context)).toBe(text)
    expect(Buffer.from(await envelope.open(record, context)).toString()).toBe(text)
  })

  it.each([null, true, 0, 'text', [], {}, { a: [1, { b: null }] }])('gives back the value %j', async (value) => {
    expect(await envelope.openJson(await envelope.sealJson(value, context), context)).toEqual(value)
  })

  it('keeps __proto__ as data', async () => {
    const hostile = JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as object
    const opened = await envelope.openJson<object>(await envelope.sealJson(hostile, context), context)
    expect(Object.keys(opened)).toEqual(['__proto__', 'constructor'])
    expect((opened as { admin?: boolean }).admin).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('seals the same thing differently each time', async () => {
    const records = await Promise.all([envelope.seal('x', context), envelope.seal('x', context)])
    expect(records[0]).not.toEqual(records[1])
  })

  it('opens with the content it was sealed with, or as bytes', async () => {
    const bytes = await envelope.seal(Buffer.from('{}'), context)
    const text = await envelope.seal('{}', context)
    const json = await envelope.sealJson({}, context)
    for (const record of [bytes, text, json]) expect(await envelope.open(record, context)).toHaveLength(2)
    for (const record of [bytes, json]) expect(await codeOf(() => envelope.openText(record, context))).toBe(MALFORMED)
    for (const record of [bytes, text]) expect(await codeOf(() => envelope.openJson(record, context))).toBe(MALFORMED)
  })

  it('takes byte arrays of any kind and position', async () => {
    const backing = new Uint8Array([9, 9, 1, 2, 3, 9])
    const record = await envelope.seal(backing.subarray(2, 5), context)
    const moved = Buffer.concat([Buffer.alloc(7), record, Buffer.alloc(7)]).subarray(7, 7 + record.length)
    expect(await envelope.open(moved, context)).toEqual(Uint8Array.of(1, 2, 3))
  })

  it.each([
    ['undefined', undefined],
    ['a number', 5],
    ['an object', {}],
    ['an ArrayBuffer', new ArrayBuffer(4)],
    ['a lone surrogate', 'x\ud800'],
  ])('refuses to seal %s', async (_, plaintext) => {
    expect(await codeOf(() => envelope.seal(plaintext as string, context))).toBe(MISUSE)
  })

  it.each([
    ['undefined', undefined],
    ['a number', 5],
    ['null', null],
    ['an array', [0xec, 2]],
  ])('refuses to open %s', async (_, record) => {
    expect(await codeOf(() => envelope.open(record as unknown as string, context))).toBe(MISUSE)
  })

  it('refuses a plaintext that no record holds', async () => {
    expect(await codeOf(() => envelope.seal(new Uint8Array(1_048_576), context))).toBe(MISUSE)
  })
})

describe('JSON that cannot be', () => {
  const cyclic: Record<string, unknown> = { canary: 'canary-in-cycle' }
  cyclic.self = cyclic
  const hostile = {
    toJSON() {
      throw new Error('canary-in-toJSON')
    },
  }
  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a BigInt', { big: 1n }],
    ['a cycle', cyclic],
    ['a toJSON that throws', hostile],
  ])('is refused before any call of the keyring, and quotes nothing: %s', async (_, value) => {
    const keyring = countingKeyring()
    const envelope = newEnvelope({ keyring })
    const error: unknown = await envelope.sealJson(value, context).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ code: MISUSE })
    expect((error as Error).cause).toBeUndefined()
    expect((error as Error).message).not.toMatch(/canary|self/)
    expect(keyring.generated).toBe(0)
  })
})

describe('contexts', () => {
  it('open only where they were sealed: every pairwise swap fails', async () => {
    const keys = generateKey()
    const places = ['session', 'grant'].flatMap((purpose) =>
      ['a', 'b'].flatMap((table) =>
        ['1', '2'].flatMap((key) =>
          ['x', 'y'].map((tenant) => ({ record: { purpose, table, key }, encryption: { app: 'test', tenant } })),
        ),
      ),
    )
    const envelope = (encryptionContext: Record<string, string>): Envelope =>
      createEnvelope({ keyring: localKeyring(keys), encryptionContext })
    const envelopes = new Map(places.map(({ encryption }) => [encryption.tenant, envelope(encryption)]))
    const sealed = await Promise.all(
      places.map(({ record, encryption }) => envelopes.get(encryption.tenant)!.seal('x', record)),
    )
    for (const [from, record] of sealed.entries()) {
      for (const [to, place] of places.entries()) {
        const opening = envelopes.get(place.encryption.tenant)!.openText(record, place.record)
        if (from === to) expect(await opening).toBe('x')
        else expect(await codeOf(() => opening)).toBe('ERR_WAXSEAL_INTEGRITY')
      }
    }
  })

  it('never share a cached key between encryption contexts', async () => {
    const keyring = countingKeyring()
    const base = newEnvelope({ keyring })
    const [a, b] = [base.with({ tenant: 'a' }), base.with({ tenant: 'b' })]
    const record = await a.seal('x', context)
    expect(await a.openText(record, context)).toBe('x')
    expect(await codeOf(() => b.openText(record, context))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(await codeOf(() => base.openText(record, context))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(keyring.unwrapped).toBe(2)
  })

  it.each([
    ['empty', {}],
    ['not strings', { a: 1 }],
    ['not there', undefined],
  ])('are refused when %s, by every method', async (_, bad) => {
    const envelope = newEnvelope()
    const record = await envelope.seal('x', context)
    const wrong = bad as unknown as Record<string, string>
    expect(await codeOf(() => envelope.seal('x', wrong))).toBe(MISUSE)
    expect(await codeOf(() => envelope.open(record, wrong))).toBe(MISUSE)
    expect(codeOfSync(() => newEnvelope({ encryptionContext: wrong }))).toBe(MISUSE)
    expect(codeOfSync(() => envelope.with(wrong))).toBe(MISUSE)
  })
})

describe('with', () => {
  it('adds names, in steps or at once, and shares the cache', async () => {
    const keyring = countingKeyring()
    const envelope = newEnvelope({ keyring })
    const steps = envelope.with({ purpose: 'session' }).with({ tenant: 't' })
    const record = await steps.seal('x', context)
    expect(await envelope.with({ tenant: 't', purpose: 'session', app: 'test' }).openText(record, context)).toBe('x')
    await envelope.with({ tenant: 't', purpose: 'session' }).seal('y', context)
    expect(keyring).toMatchObject({ generated: 1, unwrapped: 0 })
    expect(envelope.stats()).toEqual(steps.stats())
  })

  it('does not give a name another value', () => {
    const envelope = newEnvelope().with({ tenant: 'a' })
    expect(codeOfSync(() => envelope.with({ tenant: 'b' }))).toBe(MISUSE)
    expect(codeOfSync(() => envelope.with({ app: 'other', more: 'x' }))).toBe(MISUSE)
    expect(codeOfSync(() => envelope.with({ who: 'ada@example.com' }))).toBe(MISUSE)
  })
})

describe('copies', () => {
  it('changes by the caller after the call change nothing, also while the keyring is asked', async () => {
    const keyring = countingKeyring()
    const plaintext = Buffer.from('original')
    const place = { ...context }
    const sealing = newEnvelope({ keyring }).seal(plaintext, place)
    plaintext.fill(0)
    place.key = 'other'
    const record = await sealing
    const opener = newEnvelope({ keyring })
    const copy = record.slice()
    const opening = opener.open(copy, context)
    copy.fill(0)
    expect(Buffer.from(await opening).toString()).toBe('original')
  })

  it('gives fresh bytes each time, in memory of their own', async () => {
    const envelope = newEnvelope()
    const record = await envelope.seal(Buffer.from('original'), context)
    const opened = await envelope.open(record, context)
    expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype)
    expect(opened.buffer.byteLength).toBe(opened.length)
    expect(Object.getPrototypeOf(record)).toBe(Uint8Array.prototype)
    expect(record.buffer.byteLength).toBe(record.length)
    opened.fill(0)
    expect(Buffer.from(await envelope.open(record, context)).toString()).toBe('original')
  })

  it('overwrites no bytes of the caller', async () => {
    const plaintext = Buffer.from('original')
    const envelope = newEnvelope()
    const record = await envelope.seal(plaintext, context)
    await envelope.seal(plaintext, context)
    const before = record.slice()
    await envelope.open(record, context)
    expect(plaintext.toString()).toBe('original')
    expect(record).toEqual(before)
  })
})

describe('a sealer', () => {
  it('seals without waiting, and what it seals opens as ever', async () => {
    const envelope = newEnvelope()
    using sealer = await envelope.prepare()
    expect(await envelope.openText(sealer.seal('text', context), context)).toBe('text')
    expect(await envelope.openJson(sealer.sealJson({ a: 1 }, context), context)).toEqual({ a: 1 })
  })

  it('is usable until released, whatever happens to the envelope or the keyring', async () => {
    const keyring = countingKeyring()
    const envelope = newEnvelope({ keyring })
    const sealer = await envelope.prepare()
    keyring.failure = new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true })
    envelope.dispose()
    const record = sealer.seal('x', context)
    keyring.failure = undefined
    expect(await newEnvelope({ keyring }).openText(record, context)).toBe('x')
    sealer.release()
    sealer.release()
    expect(codeOfSync(() => sealer.seal('x', context))).toBe(MISUSE)
  })

  it('refuses what seal refuses', async () => {
    const sealer = await newEnvelope().prepare()
    expect(codeOfSync(() => sealer.seal('x', {}))).toBe(MISUSE)
    expect(codeOfSync(() => sealer.sealJson(undefined, context))).toBe(MISUSE)
  })
})

describe('dispose', () => {
  it('ends the envelope and those derived from it', async () => {
    const envelope = newEnvelope()
    const tenant = envelope.with({ tenant: 'a' })
    const record = await tenant.seal('x', context)
    envelope.dispose()
    envelope.dispose()
    for (const ended of [envelope, tenant]) {
      expect(await codeOf(() => ended.seal('x', context))).toBe(MISUSE)
      expect(await codeOf(() => ended.open(record, context))).toBe(MISUSE)
      expect(await codeOf(() => ended.prepare())).toBe(MISUSE)
      expect(codeOfSync(() => ended.with({ more: 'x' }))).toBe(MISUSE)
    }
  })

  it('of a derived envelope ends that one alone, and leaves the shared caches', async () => {
    const keyring = countingKeyring()
    const envelope = newEnvelope({ keyring })
    {
      await using tenant = envelope.with({ tenant: 'a' })
      await tenant.seal('x', context)
    }
    await envelope.with({ tenant: 'a' }).seal('x', context)
    expect(keyring.generated).toBe(1)
  })
})

describe('options', () => {
  it.each([
    ['no keyring', { keyring: undefined }],
    ['half a keyring', { keyring: { generateDataKey: () => Promise.reject(new Error()) } }],
    ['an age of zero', { dataKeyMaxAgeSeconds: 0 }],
    ['an age below zero', { dataKeyMaxAgeSeconds: -1 }],
    ['an endless age', { dataKeyMaxAgeSeconds: Number.POSITIVE_INFINITY }],
    ['an age that is no number', { dataKeyMaxAgeSeconds: Number.NaN }],
  ])('are refused at once: %s', (_, options) => {
    expect(codeOfSync(() => newEnvelope(options as unknown as Partial<EnvelopeOptions>))).toBe(MISUSE)
  })
})
