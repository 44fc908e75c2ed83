import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkEncryptionContext, encodeContext, type RecordContext } from '../src/context.ts'
import { codeOfSync } from './support/codes.ts'

const hex = (context: RecordContext): string => Buffer.from(encodeContext(context)).toString('hex')
const refused = (context: unknown): string => codeOfSync(() => encodeContext(context as RecordContext))

/** The rules once more, written for plainness: encode everything, sort the bytes. */
function byTheBook(context: RecordContext): string {
  const sized = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'utf8')
    return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes])
  }
  const entries = Object.entries(context).map(([name, value]) => ({ name: Buffer.from(name), text: name, value }))
  entries.sort((a, b) => Buffer.compare(a.name, b.name))
  const count = Uint8Array.of(entries.length >> 8, entries.length & 255)
  return Buffer.concat([count, ...entries.flatMap((e) => [sized(e.text), sized(e.value)])]).toString('hex')
}

describe('the canonical map', () => {
  it('is what the format page shows', () => {
    expect(hex({ b: '2', a: '1' })).toBe('0002000161000131000162000132')
  })

  it('does not depend on the order of the entries', () => {
    expect(hex({ table: 'sessions', key: 'k', purpose: 'session' })).toBe(
      hex({ purpose: 'session', key: 'k', table: 'sessions' }),
    )
  })

  it('orders astral characters after U+FFFF, as UTF-8 does and UTF-16 does not', () => {
    const context = { '\u{10000}': 'astral', '\uffff': 'last of the basic plane', '\ue000': 'private use' }
    expect(Object.keys(context).sort()[0]).toBe('\u{10000}')
    expect(hex(context)).toBe(byTheBook(context))
    expect(hex(context).slice(4, 14)).toBe('0003ee8080')
  })

  it('agrees with a plain second writing of the rules', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 })
    fc.assert(
      fc.property(fc.dictionary(text, text, { minKeys: 1, maxKeys: 6 }), (context) => {
        expect(hex(context)).toBe(byTheBook(context))
      }),
    )
  })

  it('keeps apart what joined strings would confuse', () => {
    const maps: RecordContext[] = [
      { a: 'b&c=d' },
      { a: 'b', c: 'd' },
      { 'a=b&c': 'd' },
      { a: 'b', c: 'd', '': '' },
      { a: '' },
      { '': 'a' },
      { ab: 'c' },
      { a: 'bc' },
    ]
    expect(new Set(maps.map(hex)).size).toBe(maps.length)
  })

  it('is injective', () => {
    const text = fc.string({ unit: 'binary', maxLength: 3 })
    const map = fc.dictionary(text, text, { minKeys: 1, maxKeys: 3 })
    fc.assert(
      fc.property(map, map, (a, b) => {
        const same = byTheBook(a) === byTheBook(b)
        expect(hex(a) === hex(b)).toBe(same)
      }),
    )
  })

  it('takes own entries only, __proto__ among them', () => {
    const context = JSON.parse('{"__proto__":"x","a":"1"}') as RecordContext
    expect(hex(context)).toBe(byTheBook(context))
    expect(hex(context)).not.toBe(hex({ a: '1' }))
    expect(hex(Object.create({ inherited: 'x' }, { a: { value: '1', enumerable: true } }))).toBe(hex({ a: '1' }))
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty map', {}],
    ['a Map', new Map([['a', 'b']])],
    ['an array', ['a']],
    ['a string', 'a=b'],
    ['a number as value', { a: 1 }],
    ['undefined as value', { a: undefined }],
    ['null as value', { a: null }],
    ['a boxed string', { a: Object('b') }],
    ['a lone surrogate in a value', { a: '\ud800' }],
    ['a lone surrogate in a name', { 'x\udc00': 'a' }],
    ['a value over 65,535 bytes', { a: 'x'.repeat(65_536) }],
    ['a value over 65,535 bytes only in UTF-8', { a: '\u20ac'.repeat(21_846) }],
  ])('refuses %s', (_, context) => {
    expect(refused(context)).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('takes a value of 65,535 bytes', () => {
    expect(encodeContext({ a: 'x'.repeat(65_535) })).toHaveLength(2 + 2 + 1 + 2 + 65_535)
  })
})

describe('an encryption context', () => {
  it('refuses a value with @, because audit logs show it', () => {
    expect(codeOfSync(() => checkEncryptionContext({ app: 'ada@example.com' }))).toBe('ERR_WAXSEAL_ARGUMENT')
  })

  it('is copied and frozen', () => {
    const mine = { app: 'shop' }
    const checked = checkEncryptionContext(mine)
    mine.app = 'other'
    expect(checked).toEqual({ app: 'shop' })
    expect(Object.isFrozen(checked)).toBe(true)
  })
})
