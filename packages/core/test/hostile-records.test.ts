/** Records as somebody who can write the table leaves them: whatever the bytes, a typed error, and nothing paid for it. */
import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeContext } from '../src/context.ts'
import { createEnvelope, recordToText } from '../src/index.ts'
import { type ContentName, encodeHeader } from '../src/record.ts'
import { sealRecord } from '../src/seal-record.ts'
import { codeOf } from './support/codes.ts'
import { countingKeyring } from './support/keyrings.ts'

const place = { table: 'sessions', key: 'k' }
const keyring = countingKeyring()
const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
const record = await envelope.seal('hello', place)

const REFUSED =
  /^ERR_WAXSEAL_(INTEGRITY|RECORD_MALFORMED|UNSUPPORTED_VERSION|UNSUPPORTED_SUITE|LEGACY_REFUSED|KEY_MISMATCH)$/

describe('a record is refused', () => {
  it('when any byte has any other value', async () => {
    const changed = record.slice()
    for (const [offset, byte] of record.entries()) {
      for (let change = 1; change < 256; change++) {
        changed[offset] = byte ^ change
        expect(await codeOf(() => envelope.open(changed, place))).toMatch(REFUSED)
      }
      changed[offset] = byte
    }
    expect(await envelope.openText(changed, place)).toBe('hello')
  }, 120_000)

  it('when bytes are replaced, cut out, doubled or put in, here and there', async () => {
    const edit = fc.record({ at: fc.nat(record.length), cut: fc.nat(40), put: fc.uint8Array({ maxLength: 40 }) })
    const doubling = fc.record({ at: fc.nat(record.length), from: fc.nat(record.length), length: fc.nat(300) })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(edit, doubling), { minLength: 1, maxLength: 4 }), async (edits) => {
        let bytes = Buffer.from(record)
        for (const change of edits) {
          const [cut, put] =
            'put' in change ? [change.cut, change.put] : [0, bytes.subarray(change.from, change.from + change.length)]
          bytes = Buffer.concat([bytes.subarray(0, change.at), put, bytes.subarray(change.at + cut)])
        }
        fc.pre(!bytes.equals(record))
        expect(await codeOf(() => envelope.open(bytes, place))).toMatch(REFUSED)
      }),
      { numRuns: 20_000 },
    )
  }, 120_000)

  it('when its text form is edited', async () => {
    const text = recordToText(record)
    const anything = fc.string({ unit: 'binary', maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), fc.nat(4), anything, async (at, cut, put) => {
        const edited = text.slice(0, at) + put + text.slice(at + cut)
        fc.pre(edited !== text)
        expect(await codeOf(() => envelope.open(edited, place))).toMatch(REFUSED)
      }),
      { numRuns: 20_000 },
    )
  }, 120_000)
})

describe('a wrapped-key bomb is refused before the keyring is asked', () => {
  const entry = (keyringId: number, kid: string, wrapped: number, length = wrapped): Buffer =>
    Buffer.concat([
      Uint8Array.of(keyringId, kid.length),
      Buffer.from(kid),
      Uint8Array.of(length >> 8, length & 255),
      randomBytes(wrapped),
    ])
  const entries = (count: number, make: (i: number) => Buffer): Buffer[] =>
    Array.from({ length: count }, (_, i) => make(i))
  const kms = (i: number): Buffer => entry(1, `eu-west-1:key-${i}`, 184)

  it.each<[string, number, Buffer[]]>([
    ['255 wrapped keys', 255, entries(255, kms)],
    ['9 wrapped keys', 9, entries(9, kms)],
    ['255 of them announced, one there', 255, entries(1, kms)],
    ['wrapped keys of 64 KiB', 8, entries(8, (i) => entry(1, `eu-west-1:key-${i}`, 65_535))],
    ['a wrapped key of 1,025 bytes', 1, [entry(1, 'eu-west-1:key', 1025)]],
    ['64 KiB announced, 184 bytes there', 1, [entry(1, 'eu-west-1:key', 184, 65_535)]],
    ['the same key twice', 2, entries(2, () => kms(0))],
    ['a kid of 255 bytes', 1, [entry(1, 'k'.repeat(255), 184)]],
    ...[0, 3, 4, 5, 255].map((id): [string, number, Buffer[]] => [`keyring ${id}`, 1, [entry(id, 'AAAAAAAAAAA', 104)]]),
  ])('%s', async (_, count, keys) => {
    const bomb = Buffer.concat([Uint8Array.of(0xec, 2, 1, 0, 1, count), ...keys, randomBytes(56 + 16 + 5)])
    const asked = keyring.unwrapped
    for (const planted of [bomb, `ws2.${bomb.toString('base64url')}`]) {
      expect(await codeOf(() => envelope.open(planted, place))).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    }
    expect(keyring.unwrapped).toBe(asked)
  })
})

describe('what another writer sealed', () => {
  async function sealAs(content: ContentName, plaintext: string | Uint8Array): Promise<Uint8Array> {
    const { plaintextKey, wrappedKeys } = await keyring.generateDataKey({ app: 'test' })
    const sealKey = { key: createSecretKey(plaintextKey), header: encodeHeader(wrappedKeys) }
    return sealRecord(sealKey, content, encodeContext(place), Buffer.from(plaintext))
  }

  it('as JSON changes no prototype, however often it says __proto__', async () => {
    const json = '{"__proto__":{"admin":true},"a":{"__proto__":{"admin":true},"__proto__":{"root":true}}}'
    type Hostile = { admin?: boolean; a: { admin?: boolean; root?: boolean } }
    const opened = await envelope.openJson<Hostile>(await sealAs('json', json), place)
    expect(Object.keys(opened)).toEqual(['__proto__', 'a'])
    expect([opened.admin, opened.a.admin, opened.a.root, ({} as Hostile).admin]).toEqual(Array(4).fill(undefined))
    expect([opened, opened.a].map(Object.getPrototypeOf)).toEqual([Object.prototype, Object.prototype])
  })

  it('as JSON has the last of two values for one name, as everywhere in JavaScript', async () => {
    const sealed = await sealAs('json', '{"user":"ada","user":"eve"}')
    expect(await envelope.openJson(sealed, place)).toEqual({ user: 'eve' })
  })

  it('as JSON opens however deep it is, and is malformed when it is none', async () => {
    const deep = await sealAs('json', `${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    expect(await envelope.openJson(deep, place)).toHaveLength(1)
    for (const json of ['', '{', '[1,]', '{"a":1}x', 'undefined', "{'a':1}", '\ufeff{}', '01', 'NaN']) {
      const sealed = await sealAs('json', json)
      expect(await codeOf(() => envelope.openJson(sealed, place))).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    }
  })

  it.each<[string, number[]]>([
    ['a stray continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a sequence that ends early', [0x61, 0xe2, 0x82]],
  ])('as text is malformed when it is no UTF-8: %s', async (_, bytes) => {
    const sealed = await sealAs('text', Uint8Array.from(bytes))
    expect(await codeOf(() => envelope.openText(sealed, place))).toBe('ERR_WAXSEAL_RECORD_MALFORMED')
    expect([...(await envelope.open(sealed, place))]).toEqual(bytes)
  })
})
