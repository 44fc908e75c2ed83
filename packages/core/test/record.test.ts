import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEnvelope, generateKey, inspectRecord, localKeyring, recordKeyIds, WaxsealError } from '../src/index.ts'
import type { WrappedKey } from '../src/keyring.ts'
import { encodeHeader, MAX_RECORD_BYTES, parseRecord, startRecord } from '../src/record.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'
const context = { table: 'sessions', key: 'k' }
const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
const record = await envelope.seal('hello', context)

const parsing = (bytes: Uint8Array): string => codeOfSync(() => parseRecord(bytes))
const kms = (kid: string, wrapped: Uint8Array = randomBytes(184)): WrappedKey => ({ keyringId: 1, kid, wrapped })
const local = (change: Partial<WrappedKey> = {}): WrappedKey => ({
  keyringId: 2,
  kid: 'AAAAAAAAAAA',
  wrapped: randomBytes(104),
  ...change,
})

/** A data key wrapped by a passphrase: log2 of N, r, p, and whatever follows. */
const passphrase = (cost = [17, 8, 1], length = 123): WrappedKey => ({
  keyringId: 3,
  kid: 'any-name!',
  wrapped: Uint8Array.from({ length }, (_, i) => cost[i] ?? 7),
})

/** A record whose header is put together by hand, so that it can hold what the writer refuses. */
function handmade(keys: readonly WrappedKey[], { count = keys.length, payload = 56 + 16 } = {}): Uint8Array {
  const entries = keys.flatMap(({ keyringId, kid, wrapped }) => {
    const name = Buffer.from(kid, 'latin1')
    return [
      Uint8Array.of(keyringId, name.length),
      name,
      Uint8Array.of(wrapped.length >> 8, wrapped.length & 255),
      wrapped,
    ]
  })
  return Buffer.concat([Uint8Array.of(0xec, 2, 1, 0, 0, count), ...entries, new Uint8Array(payload)])
}

function withByte(offset: number, value: number): Uint8Array {
  const changed = record.slice()
  changed[offset] = value
  return changed
}

describe('the parser', () => {
  it('takes what the writer makes, and only views it', () => {
    const parsed = parseRecord(record)
    expect(parsed.content).toBe('text')
    expect(parsed.wrappedKeys).toHaveLength(1)
    expect(parsed.payload.buffer).toBe(record.buffer)
    expect(Buffer.from(encodeHeader(parsed.wrappedKeys)).subarray(5)).toEqual(
      Buffer.from(record.subarray(5, -parsed.payload.length)),
    )
  })

  it('takes up to 8 wrapped keys of KMS and local keyrings', () => {
    const keys = [local(), ...Array.from({ length: 7 }, (_, i) => kms(`eu-west-1:key-${i}`))]
    expect(parseRecord(handmade(keys)).wrappedKeys).toEqual(
      keys.map((key) => expect.objectContaining({ kid: key.kid })),
    )
  })

  it.each([
    [0, 0, MALFORMED],
    [0, 0x41, 'ERR_WAXSEAL_LEGACY_REFUSED'],
    [0, 0x7b, MALFORMED],
    [0, 0xed, MALFORMED],
    [1, 1, 'ERR_WAXSEAL_UNSUPPORTED_VERSION'],
    [1, 3, 'ERR_WAXSEAL_UNSUPPORTED_VERSION'],
    [2, 0, 'ERR_WAXSEAL_UNSUPPORTED_SUITE'],
    [2, 2, 'ERR_WAXSEAL_UNSUPPORTED_SUITE'],
    [3, 1, MALFORMED],
    [3, 2, MALFORMED],
    [3, 0x80, MALFORMED],
    [4, 3, MALFORMED],
    [4, 255, MALFORMED],
    [5, 0, MALFORMED],
    [5, 9, MALFORMED],
    [5, 255, MALFORMED],
    [6, 0, MALFORMED],
    [6, 3, MALFORMED],
    [6, 4, MALFORMED],
    [6, 255, MALFORMED],
    [7, 0, MALFORMED],
    [7, 255, MALFORMED],
  ])('refuses byte %i = %i with %s', (offset, value, code) => {
    expect(parsing(withByte(offset, value))).toBe(code)
  })

  it.each<[string, readonly WrappedKey[]]>([
    ['an empty kid', [kms('')]],
    ['a kid of 65 bytes', [kms('k'.repeat(65))]],
    ['a kid with a space', [kms('a key')]],
    ['a kid with a control character', [kms('key\n')]],
    ['a kid beyond ASCII', [kms('key\xe9')]],
    ['an empty wrapped key', [kms('key', new Uint8Array(0))]],
    ['a wrapped key over 1 KiB', [kms('key', new Uint8Array(1025))]],
    ['a wrapped key of 64 KiB', [kms('key', new Uint8Array(65_535))]],
    ['the same keyring and kid twice', [kms('key'), kms('other'), kms('key')]],
    ['a local kid that is no fingerprint', [local({ kid: 'main' })]],
    ['a local kid that is not canonical base64url', [local({ kid: 'AAAAAAAAAAB' })]],
    ['a locally wrapped key of 103 bytes', [local({ wrapped: randomBytes(103) })]],
    ['a locally wrapped key of 105 bytes', [local({ wrapped: randomBytes(105) })]],
    ['a key under a passphrase that is laid out as a local one', [kms('key'), local({ keyringId: 3 })]],
    ['a key under a passphrase of 122 bytes', [passphrase(undefined, 122)]],
    ['a key under a passphrase of 124 bytes', [passphrase(undefined, 124)]],
    ['scrypt with N below 2^10', [passphrase([9, 8, 1])]],
    ['scrypt with N above 2^20', [passphrase([21, 8, 1])]],
    ['scrypt with r of 0', [passphrase([17, 0, 1])]],
    ['scrypt with r above 16', [passphrase([17, 17, 1])]],
    ['scrypt with p of 0', [passphrase([17, 8, 0])]],
    ['scrypt with p above 16', [passphrase([17, 8, 17])]],
    ['a scrypt bomb', [passphrase([255, 255, 255])]],
    ['a key table', [local({ keyringId: 4 })]],
    ['an unknown keyring', [local({ keyringId: 200 })]],
  ])('refuses %s, and the writer does not write it', (_, keys) => {
    expect(parsing(handmade(keys))).toBe(MALFORMED)
    expect(codeOfSync(() => encodeHeader(keys))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('takes what lies just within these limits', () => {
    parseRecord(handmade([kms('k'.repeat(64), new Uint8Array(1024))]))
    parseRecord(handmade([kms('k', new Uint8Array(1))]))
    parseRecord(handmade([kms('AAAAAAAAAAA'), local()]))
    for (const cost of [
      [10, 1, 1],
      [20, 16, 16],
    ]) {
      parseRecord(handmade([passphrase(cost)]))
    }
  })

  it('refuses a count of none, above the limit or above what follows', () => {
    for (const count of [0, 3, 8, 9, 255]) expect(parsing(handmade([kms('a'), kms('b')], { count }))).toBe(MALFORMED)
  })

  it('refuses lengths that no plaintext has', () => {
    for (const payload of [0, 1, 55, 56, 71, 56 + 16_400, 56 + 16_400 + 15]) {
      expect(parsing(handmade([kms('a')], { payload }))).toBe(MALFORMED)
    }
    for (const payload of [72, 73, 56 + 16_399, 56 + 16_400 + 16]) parseRecord(handmade([kms('a')], { payload }))
  })

  it('refuses more than 1 MiB, and the writer does not write it', () => {
    const header = encodeHeader([local()])
    const chunks = Math.floor((MAX_RECORD_BYTES - header.length - 56) / 16_400)
    const longest = MAX_RECORD_BYTES - header.length - 56 - 16 * (chunks + 1)
    expect(startRecord(header, 'bytes', longest)).toHaveLength(MAX_RECORD_BYTES)
    expect(codeOfSync(() => startRecord(header, 'bytes', longest + 1))).toBe('ERR_WAXSEAL_ARGUMENT')
    const tooLong = Buffer.concat([startRecord(header, 'bytes', longest), Uint8Array.of(0)])
    expect(parsing(tooLong)).toBe(MALFORMED)
  })

  it('refuses a header that ends anywhere, with a typed error', () => {
    const { payload } = parseRecord(record)
    const headerLength = record.length - payload.length
    for (let length = 0; length < headerLength + 72; length++) {
      expect(parsing(record.subarray(0, length))).toBe(MALFORMED)
    }
  })

  it('meets any bytes with a typed error or a sound record', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.uint8Array({ maxLength: 400 }).map((tail) => Buffer.concat([Uint8Array.of(0xec, 2, 1, 0, 0), tail])),
      fc
        .uint8Array({ maxLength: 300 })
        .map((tail) => Buffer.concat([Uint8Array.of(0xec, 2, 1, 0, 2, 1, 1, 2, 97, 98, 0), tail])),
    )
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          parseRecord(input)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxsealError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a record that was altered', () => {
  it('does not open after any one-byte change: always a typed error', async () => {
    for (let offset = 0; offset < record.length; offset++) {
      for (const bit of [1, 0x80]) {
        const code = await codeOf(() => envelope.open(withByte(offset, record[offset]! ^ bit), context))
        expect(code).toMatch(
          /^ERR_WAXSEAL_(INTEGRITY|RECORD_MALFORMED|UNSUPPORTED_VERSION|UNSUPPORTED_SUITE|LEGACY_REFUSED|KEY_MISMATCH)$/,
        )
      }
    }
  })

  it('does not open after any truncation or with anything behind it', async () => {
    for (let length = 0; length < record.length; length++) {
      expect(await codeOf(() => envelope.open(record.subarray(0, length), context))).toMatch(
        /^ERR_WAXSEAL_(INTEGRITY|RECORD_MALFORMED)$/,
      )
    }
    expect(await codeOf(() => envelope.open(Buffer.concat([record, Uint8Array.of(0)]), context))).toBe(
      'ERR_WAXSEAL_INTEGRITY',
    )
  })
})

describe('inspect', () => {
  it('takes a record apart so that every byte has its field', () => {
    const info = inspectRecord(record)
    expect(info).toMatchObject({ version: 2, suite: 'Cobblestone-256', content: 'text', plaintextBytes: 5 })
    expect(info.recordBytes).toBe(record.length)
    let offset = 0
    for (const part of info.parts) {
      expect(part.offset).toBe(offset)
      offset += part.length
    }
    expect(offset).toBe(record.length)
    const salt = info.parts.find(({ field }) => field === 'salt')!
    expect(Buffer.compare(info.salt, record.subarray(salt.offset, salt.offset + salt.length))).toBe(0)
    expect(info.wrappedKeys[0]).toMatchObject({ keyringId: 2, keyring: 'local' })
  })

  it('names every chunk', async () => {
    const long = await envelope.seal(randomBytes(40_000), context)
    const chunks = inspectRecord(long).parts.filter(({ field }) => field.startsWith('chunks'))
    expect(chunks.map(({ field, length }) => `${field} ${length}`)).toEqual([
      'chunks[0].ciphertext 16384',
      'chunks[0].tag 16',
      'chunks[1].ciphertext 16384',
      'chunks[1].tag 16',
      `chunks[2].ciphertext ${40_000 - 32_768}`,
      'chunks[2].tag 16',
    ])
  })

  it('has a short form that names the keys alone, in order', () => {
    expect(recordKeyIds(record)).toEqual(inspectRecord(record).wrappedKeys.map(({ kid }) => kid))
    expect(recordKeyIds(handmade([kms('b'), kms('a'), local()]))).toEqual(['b', 'a', 'AAAAAAAAAAA'])
    expect(codeOfSync(() => recordKeyIds(withByte(3, 1)))).toBe(MALFORMED)
  })

  it('needs no key, gives copies, and refuses as open does', () => {
    const info = inspectRecord(record)
    info.salt.fill(0)
    info.wrappedKeys[0]!.wrapped.fill(0)
    expect(inspectRecord(record).salt).not.toEqual(info.salt)
    expect(codeOfSync(() => inspectRecord(withByte(1, 9)))).toBe('ERR_WAXSEAL_UNSUPPORTED_VERSION')
  })
})
