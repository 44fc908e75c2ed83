import { WaxsealTypeError } from './errors.ts'
import type { EncryptionContext } from './keyring.ts'

/** Fine-grained names of one record (its table, row, tenant …). Bound to the record, never stored in it, needed again to open it. */
export type RecordContext = Readonly<Record<string, string>>

const MAX_UINT16 = 0xffff

/**
 * The canonical map: `u16be count`, then per entry `u16be length, name, u16be length, value`, sorted by the UTF-8 bytes
 * of the names. Two maps have the same bytes only if they have the same entries, whatever `=` or `&` they contain.
 *
 * Every rule refuses with {@link WaxsealTypeError}: not an object, empty, a value that is not a string, ill-formed
 * Unicode (it would be replaced, so that two different names meet), more than 65,535 entries or bytes in one of them.
 */
export function encodeContext(context: RecordContext): Uint8Array {
  const names = sortedNames(context)
  return encodeAscii(context, names) ?? encodeUnicode(context, names)
}

/** Checks an encryption context and returns a frozen copy that later changes by the caller cannot reach. */
export function checkEncryptionContext(context: EncryptionContext): EncryptionContext {
  const names = sortedNames(context)
  for (const name of names) {
    // A key service writes this map to its audit log in the clear: an e-mail address has no business there.
    if (context[name]?.includes('@'))
      throw misuse('a value of the encryption context contains "@"; it appears in audit logs')
  }
  const copy = Object.freeze({ ...context })
  encodeContext(copy)
  return copy
}

/** The common case, in one pass: units below 0x80 are their own bytes. Undefined when there is any other. */
function encodeAscii(context: RecordContext, names: readonly string[]): Uint8Array | undefined {
  let size = 2
  for (const name of names) size += 4 + name.length + (context[name] as string).length
  const out = Buffer.allocUnsafe(size)
  writeUint16(out, 0, names.length)
  let offset = 2
  for (const name of names) {
    const value = context[name] as string
    if (!writeAscii(out, offset, name)) return undefined
    offset += 2 + name.length
    if (!writeAscii(out, offset, value)) return undefined
    offset += 2 + value.length
  }
  return out
}

function writeAscii(out: Uint8Array, offset: number, text: string): boolean {
  writeUint16(out, offset, text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return false
    out[offset + 2 + i] = unit
  }
  return true
}

function encodeUnicode(context: RecordContext, names: readonly string[]): Uint8Array {
  const count = Buffer.alloc(2)
  writeUint16(count, 0, names.length)
  const parts = [count]
  for (const text of names.flatMap((name) => [name, context[name] as string])) {
    if (!text.isWellFormed()) throw misuse('a context holds ill-formed Unicode (a lone surrogate)')
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.alloc(2)
    writeUint16(length, 0, bytes.length)
    parts.push(length, bytes)
  }
  return Buffer.concat(parts)
}

function sortedNames(context: RecordContext): string[] {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    throw misuse('a context must be an object of strings')
  }
  const names = Object.keys(context)
  if (names.length === 0) throw misuse('a context must have at least one entry')
  for (const name of names) {
    if (typeof context[name] !== 'string') throw misuse('every value of a context must be a string')
  }
  return names.length === 1 ? names : names.sort(compareUtf8)
}

/** Orders as the UTF-8 bytes would; `<` compares UTF-16 units, where astral characters come before U+E000 to U+FFFF. */
function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointRank(x) - codePointRank(y)
  }
  return a.length - b.length
}

/** Moves the surrogates (d800 to dfff) above the rest of the basic plane, where their code points are. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function writeUint16(out: Uint8Array, offset: number, value: number): void {
  if (value > MAX_UINT16) throw misuse('a context has more than 65,535 entries, or bytes in a name or value')
  out[offset] = value >> 8
  out[offset + 1] = value & 0xff
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
