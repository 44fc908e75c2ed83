import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { openBytes, sealBytes } from '../src/version1/cipher.ts'
import { checkLength, openItem, parseItem, sealItem } from '../src/version1/item.ts'
import type { EncryptionResult } from '../src/version1/types.ts'
import { codeOfSync } from './support/codes.ts'

const key = createSecretKey(randomBytes(32))
const wrapped = new Uint8Array(randomBytes(184))
const open = (item: EncryptionResult) => openItem(key, parseItem(item))
const codeOf = (item: unknown) => codeOfSync(() => open(item as EncryptionResult))
const bytes = (length: number) => randomBytes(length).toString('base64')

describe('an item', () => {
  it('opens to what was sealed, and has the four fields of version 1', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (plaintext) => {
        const item = sealItem(key, wrapped, plaintext)
        expect(Object.keys(item).sort()).toEqual(['authTag', 'encryptedData', 'encryptedKey', 'iv'])
        const [data, tag, iv, blob] = [item.encryptedData, item.authTag, item.iv, item.encryptedKey].map((field) =>
          Buffer.from(field, 'base64'),
        )
        expect([data?.length, tag?.length, iv?.length]).toEqual([plaintext.length, 16, 12])
        expect(blob?.equals(wrapped)).toBe(true)
        const opened = open(item)
        expect(Buffer.from(opened).equals(plaintext)).toBe(true)
        expect(Buffer.isBuffer(opened)).toBe(false)
        expect(parseItem(item).wrapped.every((byte, at) => byte === wrapped[at])).toBe(true)
      }),
    )
  })

  it('has another IV each time', () => {
    const seen = new Set(Array.from({ length: 1000 }, () => sealItem(key, wrapped, Buffer.from('x')).iv))
    expect(seen.size).toBe(1000)
  })

  it('does not open under another key, nor with any one bit changed', () => {
    const item = sealItem(key, wrapped, Buffer.from('{"user":"ada"}'))
    const other = createSecretKey(randomBytes(32))
    expect(codeOfSync(() => openItem(other, parseItem(item)))).toBe('ERR_WAXSEAL_INTEGRITY')
    for (const name of ['encryptedData', 'iv', 'authTag'] as const) {
      const field = Buffer.from(item[name], 'base64')
      for (let bit = 0; bit < 8 * field.length; bit++) {
        const changed = Buffer.from(field)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(codeOf({ ...item, [name]: changed.toString('base64') })).toBe('ERR_WAXSEAL_INTEGRITY')
      }
    }
  })

  it('has no short tag for the cipher either, whoever looked before', () => {
    const { iv, authTag, data } = sealBytes(key, Buffer.from('x'))
    for (const length of [0, 4, 8, 12, 15]) {
      expect(() => openBytes(key, { iv, authTag: authTag.subarray(0, length), data })).toThrow()
    }
  })

  it('holds 1 MiB and no byte more', () => {
    const plaintext = randomBytes(1_048_576)
    const item = sealItem(key, wrapped, plaintext)
    expect(plaintext.equals(open(item))).toBe(true)
    expect(codeOfSync(() => checkLength(Buffer.alloc(1_048_577)))).toBe('ERR_WAXSEAL_ARGUMENT')
    checkLength(plaintext)
    for (const length of [1_048_577, 1_048_579]) {
      expect(codeOf({ ...item, encryptedData: bytes(length) })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    }
  })
})

it('what is far too long is not even decoded', () => {
  const item = sealItem(key, wrapped, Buffer.from('x'))
  const encryptedData = 'A'.repeat(2 ** 21)
  const from = vi.spyOn(Buffer, 'from')
  expect(codeOf({ ...item, encryptedData })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
  expect(from.mock.calls.some(([text]) => (text as unknown) === encryptedData)).toBe(false)
  from.mockRestore()
})

describe('a field is refused', () => {
  const item = sealItem(key, wrapped, Buffer.from('{"user":"grace"}'))

  it.each([0, 4, 8, 11, 13, 16])('iv: %i bytes', (length) => {
    expect(codeOf({ ...item, iv: bytes(length) })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
  })

  it.each([0, 4, 8, 12, 15, 17])('authTag: %i bytes, also those that are its beginning', (length) => {
    const authTag = Buffer.concat([Buffer.from(item.authTag, 'base64'), Buffer.alloc(1)]).subarray(0, length)
    expect(codeOf({ ...item, authTag: authTag.toString('base64') })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
  })

  it.each([0, 6145])('encryptedKey: %i bytes', (length) => {
    expect(codeOf({ ...item, encryptedKey: bytes(length) })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
  })

  it('not: encryptedKey of 1 to 6144 bytes, which is for KMS to judge', () => {
    for (const length of [1, 6144])
      expect(parseItem({ ...item, encryptedKey: bytes(length) }).wrapped).toHaveLength(length)
  })

  it.each(['encryptedData', 'encryptedKey', 'iv', 'authTag'] as const)('%s: base64 that is bent', (name) => {
    // Of 3n + 1 bytes, so that there are padding and spare bits to bend; the length is refused later than the text.
    const text = Buffer.alloc(13, 0xff).toString('base64')
    expect(text).toBe('/////////////////w==')
    const bent = [
      ...[`${text}\n`, ` ${text}`, text.replaceAll('/', '_'), text.slice(0, -1), text.slice(0, -2), `${text}=`],
      ...[
        text.replace('w=', 'x='),
        text.replace('/', '*'),
        `${text}${text}`,
        '=',
        '/',
        '\u{1f511}',
        5,
        null,
        undefined,
      ],
      ...[['/w=='], { toString: () => text }],
    ]
    for (const value of bent) expect(codeOf({ ...item, [name]: value })).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
  })
})

it('what is no object is misuse', () => {
  for (const value of [undefined, null, 'text', 5]) expect(codeOf(value)).toBe('ERR_WAXSEAL_ARGUMENT')
})

it('whatever stands in the fields, the error is one of ours', () => {
  const field = fc.oneof(fc.base64String(), fc.string({ unit: 'binary' }), fc.anything())
  fc.assert(
    fc.property(fc.record({ encryptedData: field, encryptedKey: field, iv: field, authTag: field }), (item) => {
      expect(codeOf(item)).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    }),
    { numRuns: 2000 },
  )
})
