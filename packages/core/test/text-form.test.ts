import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEnvelope, generateKey, localKeyring, recordFromText, recordToText } from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const context = { id: '1' }
const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
const record = await envelope.seal('hello', context)
const text = recordToText(record)
const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'

describe('the text form', () => {
  it('goes there and back', async () => {
    expect(text).toMatch(/^ws2\.[A-Za-z0-9_-]+$/)
    expect(recordFromText(text)).toEqual(record)
    expect(await envelope.openText(text, context)).toBe('hello')
    expect(envelope.inspect(text)).toEqual(envelope.inspect(record))
  })

  it.each([
    ['padding', `${text}=`],
    ['a newline at the end', `${text}\n`],
    ['a space within', `${text.slice(0, 20)} ${text.slice(20)}`],
    ['a NUL at the end', `${text}\0`],
    ['the other alphabet', `${text.slice(0, 20)}+${text.slice(21)}`],
    ['junk that Buffer.from skips', `${text.slice(0, 20)}!!!!${text.slice(20)}`],
    ['a character beyond ASCII', `${text}\u0101`],
    ['nothing behind the prefix', 'ws2.'],
    ['nothing at all', ''],
    ['another prefix', `_${text}`],
    ['a capital prefix', `\u2003${text}`],
  ])('refuses %s', (_, input) => {
    expect(codeOfSync(() => recordFromText(input))).toBe(MALFORMED)
  })

  it('refuses bits that the last character has to spare', () => {
    const spare = [0, 1, 2].map((length) => Buffer.from(record.subarray(0, record.length - length)))
    const padded = spare.find((bytes) => bytes.length % 3 !== 0)!
    const encoded = padded.toString('base64url')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const next = alphabet[alphabet.indexOf(encoded.at(-1)!) + 1]
    const loose = encoded.slice(0, -1) + next
    expect(Buffer.from(loose, 'base64url').equals(padded)).toBe(true)
    expect(codeOfSync(() => recordFromText(`ws2.${loose}`))).toBe(MALFORMED)
  })

  it('tells other versions and older text apart', () => {
    expect(codeOfSync(() => recordFromText(`ws3.${text.slice(4)}`))).toBe('ERR_WAXSEAL_UNSUPPORTED_VERSION')
    expect(codeOfSync(() => recordFromText('q83vEjRWeJCrze8='))).toBe('ERR_WAXSEAL_LEGACY_REFUSED')
  })

  it('refuses the text form as bytes, where a record is expected', async () => {
    expect(await codeOf(() => envelope.open(Buffer.from(text), context))).toBe('ERR_WAXSEAL_LEGACY_REFUSED')
  })

  it('refuses more than a record can be before it decodes it', () => {
    expect(codeOfSync(() => recordFromText(`ws2.${'A'.repeat(3_000_000)}`))).toBe(MALFORMED)
  })

  it('has one text for one record', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 5), fc.string({ minLength: 1, maxLength: 1 }), (at, unit) => {
        const changed = `${text.slice(0, at + 4)}${unit}${text.slice(at + 5)}`
        if (changed === text) return
        try {
          expect(recordFromText(changed)).not.toEqual(record)
        } catch (error) {
          expect(error).toHaveProperty('code')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is refused where its argument has another type', () => {
    expect(codeOfSync(() => recordToText('text' as unknown as Uint8Array))).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(codeOfSync(() => recordFromText(record as unknown as string))).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(codeOfSync(() => recordToText(new Uint8Array(3)))).toBe(MALFORMED)
  })
})
