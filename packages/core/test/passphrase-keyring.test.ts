import { createDecipheriv, createHash, randomBytes, scrypt, scryptSync } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createEnvelope,
  inspectRecord,
  localKeyring,
  type PassphraseKeyringOptions,
  passphraseKeyring,
  WaxsealError,
} from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  return { ...crypto, scrypt: vi.fn(crypto.scrypt), createDecipheriv: vi.fn(crypto.createDecipheriv) }
})
const scryptCalls = vi.mocked(scrypt)
const aesCalls = vi.mocked(createDecipheriv)

afterEach(() => {
  vi.restoreAllMocks()
  scryptCalls.mockClear()
  aesCalls.mockClear()
})

const passphrase = 'correct horse battery staple'
const cheap = { passphrase, kid: 'shop-2026', N: 2 ** 10 }
const app = { app: 'shop' }
const place = { id: '1' }
const keyringOf = (change: Partial<PassphraseKeyringOptions> = {}) => passphraseKeyring({ ...cheap, ...change })
const envelopeOf = (change?: Partial<PassphraseKeyringOptions>, encryptionContext = app) =>
  createEnvelope({ keyring: keyringOf(change), encryptionContext })
const wrap = async (change?: Partial<PassphraseKeyringOptions>) =>
  (await keyringOf(change).generateDataKey(app)).wrappedKeys

describe('a passphrase', () => {
  it('opens in another process what it sealed, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 16 }), fc.string(), async (passphrase, plaintext) => {
        const record = await envelopeOf({ passphrase }).seal(plaintext, place)
        expect(await envelopeOf({ passphrase }).openText(record, place)).toBe(plaintext)
        expect(await codeOf(() => envelopeOf({ passphrase: `${passphrase} ` }).open(record, place))).toBe(
          'ERR_WAXSEAL_INTEGRITY',
        )
      }),
      { numRuns: 20 },
    )
  })

  it('stands in a record by its kid, with salt and cost beside it', async () => {
    const record = await envelopeOf().seal('x'.repeat(1000), place)
    const [key] = inspectRecord(record).wrappedKeys
    expect(key).toMatchObject({ keyringId: 3, keyring: 'passphrase', kid: 'shop-2026' })
    const salt = createHash('sha256').update('waxseal-passphrase-salt-v2shop-2026').digest().subarray(0, 16)
    expect(Buffer.from(key!.wrapped.subarray(0, 19))).toEqual(Buffer.concat([Uint8Array.of(10, 8, 1), salt]))
    expect(record.length - 1000).toBe(205 + 'shop-2026'.length)
  })

  it('works at the default cost, which is beyond the memory that Node allows scrypt by default', async () => {
    const keyring = passphraseKeyring({ passphrase, kid: 'k' })
    const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(app)
    expect([...wrappedKeys[0]!.wrapped.subarray(0, 3)]).toEqual([17, 8, 1])
    expect(Buffer.compare((await keyring.unwrapDataKey(wrappedKeys, app)).plaintextKey, plaintextKey)).toBe(0)
  })

  it.each([{ r: 1 }, { r: 16 }, { p: 16 }, { N: 2 ** 11, r: 3, p: 5 }])('works at the cost %j', async (cost) => {
    const record = await envelopeOf(cost).seal('x', place)
    expect(await envelopeOf(cost).openText(record, place)).toBe('x')
  })
})

describe('scrypt', () => {
  it('runs once per keyring, when the first key is needed, however many wait', async () => {
    const keyring = keyringOf()
    expect(scryptCalls).not.toHaveBeenCalled()
    const dataKeys = await Promise.all(Array.from({ length: 50 }, () => keyring.generateDataKey(app)))
    await Promise.all(dataKeys.map(({ wrappedKeys }) => keyring.unwrapDataKey(wrappedKeys, app)))
    await keyring.wrapDataKey(randomBytes(32), app)
    expect(scryptCalls).toHaveBeenCalledTimes(1)
  })

  it('that failed is retryable, for all who waited, and not kept', async () => {
    const keyring = keyringOf()
    scryptCalls.mockImplementationOnce((...args: unknown[]) =>
      setImmediate(args.at(-1) as (error: Error) => void, new Error('out of memory')),
    )
    const failures = await Promise.allSettled([keyring.generateDataKey(app), keyring.generateDataKey(app)])
    for (const failure of failures) {
      expect(failure).toMatchObject({ reason: { code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true } })
    }
    expect(scryptCalls).toHaveBeenCalledTimes(1)
    await keyring.generateDataKey(app)
    expect(scryptCalls).toHaveBeenCalledTimes(2)
  })

  it.each<[string, Partial<PassphraseKeyringOptions>]>([
    ['more memory', { N: 2 ** 20 }],
    ['less memory', { N: 2 ** 11 }],
    ['larger blocks', { r: 16 }],
    ['more rounds', { p: 16 }],
    ['another salt', { salt: randomBytes(16) }],
    ['another passphrase by name', { kid: 'shop-2025' }],
  ])('does not run for a record that names %s', async (_, other) => {
    const [own] = await wrap()
    const planted = { ...own!, wrapped: Uint8Array.from(own!.wrapped), kid: other.kid ?? own!.kid }
    const { N = 2 ** 10, r = 8, p = 1, salt } = other
    planted.wrapped.set([Math.log2(N), r, p])
    if (salt !== undefined) planted.wrapped.set(salt, 3)
    scryptCalls.mockClear()
    const keyring = keyringOf()
    expect(await codeOf(() => keyring.unwrapDataKey([planted], app))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    expect(scryptCalls).not.toHaveBeenCalled()
  })

  it('leaves neither passphrase nor key in a buffer', async () => {
    const keyring = keyringOf()
    const fills = [vi.spyOn(Uint8Array.prototype, 'fill'), vi.spyOn(Buffer.prototype, 'fill')]
    await keyring.generateDataKey(app)
    const wiped = fills.flatMap(({ mock }) => mock.contexts as Uint8Array[])
    const [secret] = scryptCalls.mock.calls[0] as unknown as [Uint8Array]
    expect(wiped).toContain(secret)
    expect(wiped.filter(({ length }) => length === 32)).toHaveLength(1)
    for (const bytes of wiped) expect(bytes.every((byte) => byte === 0)).toBe(true)
  })
})

describe('a data key under a passphrase', () => {
  it('is bound to encryption context and kid', async () => {
    const record = await envelopeOf().seal('x', place)
    expect(await codeOf(() => envelopeOf({}, { app: 'other' }).open(record, place))).toBe('ERR_WAXSEAL_INTEGRITY')
    const salt = randomBytes(16)
    const [own] = await wrap({ salt })
    const renamed = keyringOf({ salt, kid: 'another' })
    const call = () => renamed.unwrapDataKey([{ ...own!, kid: 'another' }], app)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('is none of a local keyring, even under the same key and kid', async () => {
    const salt = randomBytes(16)
    const rootKey = scryptSync(passphrase, salt, 32, { N: 2 ** 10, r: 8, p: 1 })
    const local = localKeyring(`k:${rootKey.toString('base64url')}`)
    const { wrappedKeys } = await local.generateDataKey(app)
    const { kid, wrapped } = wrappedKeys[0]!
    const moved = Buffer.concat([Uint8Array.of(10, 8, 1), salt, wrapped])
    const keyring = keyringOf({ salt, kid })
    const call = () => keyring.unwrapDataKey([{ keyringId: 3, kid, wrapped: moved }], app)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('does not help to guess: wrong passphrase and altered bytes are one error, before any AES', async () => {
    const [own] = await wrap()
    const errors = new Set<string>()
    const attempt = async (passphrase: string, bent?: number): Promise<void> => {
      const wrapped = Uint8Array.from(own!.wrapped)
      if (bent !== undefined) wrapped[bent]! ^= 1
      const error = await keyringOf({ passphrase })
        .unwrapDataKey([{ ...own!, wrapped }], app)
        .catch((error: unknown) => error)
      expect(error).toBeInstanceOf(WaxsealError)
      errors.add(JSON.stringify(error))
    }
    await attempt('another passphrase')
    for (const offset of [19, 42, 43, 74]) await attempt(passphrase, offset)
    expect(aesCalls).not.toHaveBeenCalled()
    // What the commitment does not cover.
    for (const offset of [75, 106, 107, 122]) await attempt(passphrase, offset)
    expect(aesCalls).toHaveBeenCalledTimes(4)
    expect([...errors]).toHaveLength(1)
    expect([...errors][0]).toContain('ERR_WAXSEAL_INTEGRITY')
  })
})

describe('a record under a passphrase that was altered', () => {
  it('does not open after any one-byte change or truncation: always a typed error, and one scrypt at most', async () => {
    const record = await envelopeOf().seal('x', place)
    scryptCalls.mockClear()
    const reader = envelopeOf()
    const typed =
      /^ERR_WAXSEAL_(INTEGRITY|RECORD_MALFORMED|UNSUPPORTED_VERSION|UNSUPPORTED_SUITE|LEGACY_REFUSED|KEY_MISMATCH)$/
    for (let offset = 0; offset < record.length; offset++) {
      for (const bit of [1, 0x80]) {
        const bent = record.slice()
        bent[offset]! ^= bit
        expect(await codeOf(() => reader.open(bent, place))).toMatch(typed)
      }
      expect(await codeOf(() => reader.open(record.subarray(0, offset), place))).toMatch(typed)
    }
    expect(scryptCalls).toHaveBeenCalledTimes(1)
  })
})

describe('the options', () => {
  it.each<[string, string | undefined]>([
    ['no passphrase', undefined],
    ['an empty one', ''],
    ['a short one', 'fifteen letters'],
    ['a short one of astral characters', '\u{1f511}'.repeat(15)],
    ['one that is no string', 42 as unknown as string],
    ['ill-formed Unicode', `${passphrase}\ud800`],
  ])('refuse %s, and do not quote it', (_, value) => {
    try {
      passphraseKeyring({ ...cheap, passphrase: value })
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
      const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)
      if (typeof value === 'string' && value !== '') expect(shown).not.toContain(value.slice(0, 14))
      return
    }
    throw new Error('it was accepted')
  })

  it.each<[string, Partial<PassphraseKeyringOptions>]>([
    ['an empty kid', { kid: '' }],
    ['a kid of 65 characters', { kid: 'k'.repeat(65) }],
    ['a kid with a space', { kid: 'my key' }],
    ['a kid beyond ASCII', { kid: 'clé' }],
    ['a kid with a line break behind it', { kid: 'key\n' }],
    ['no kid', { kid: undefined as unknown as string }],
    ['a short salt', { salt: new Uint8Array(15) }],
    ['a long salt', { salt: new Uint8Array(17) }],
    ['a salt as text', { salt: 'a'.repeat(16) as unknown as Uint8Array }],
    ['N below 2^10', { N: 2 ** 9 }],
    ['N above 2^20', { N: 2 ** 21 }],
    ['N that is no power of two', { N: 3000 }],
    ['N that is no number', { N: Number.NaN }],
    ['r of 0', { r: 0 }],
    ['r above 16', { r: 17 }],
    ['r with a fraction', { r: 8.5 }],
    ['p of 0', { p: 0 }],
    ['p above 16', { p: 17 }],
  ])('refuse %s', (_, change) => {
    expect(codeOfSync(() => keyringOf(change))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('take what lies just within these limits', () => {
    keyringOf({ passphrase: 'sixteen letters!', kid: `!${'~'.repeat(63)}`, salt: new Uint8Array(16) })
    keyringOf({ N: 2 ** 20, r: 16, p: 16 })
    keyringOf({ N: 2 ** 10, r: 1, p: 1 })
  })

  it('are copied, so that a salt changed later changes nothing', async () => {
    const salt = new Uint8Array(randomBytes(16))
    const keyring = keyringOf({ salt })
    const { wrappedKeys } = await keyring.generateDataKey(app)
    salt.fill(0)
    await keyring.unwrapDataKey(wrappedKeys, app)
  })

  it('are not shown when the keyring is inspected', async () => {
    const keyring = keyringOf()
    await keyring.generateDataKey(app)
    expect(inspect(keyring, { depth: 9, showHidden: true }) + JSON.stringify(keyring)).not.toContain('horse')
  })
})
