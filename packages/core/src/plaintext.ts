/** Between what callers pass and get, and the bytes of a record. */
import { isUtf8 } from 'node:buffer'
import { types } from 'node:util'
import { WaxsealTypeError } from './errors.ts'
import { type ContentName, malformed } from './record.ts'

/** Bytes to seal. */
export interface Plaintext {
  readonly content: ContentName
  readonly bytes: Uint8Array
  /** Whether the bytes are a copy of ours, to be overwritten after use, and not the caller's own. */
  readonly owned: boolean
}

export function fromBytesOrText(plaintext: Uint8Array | string): Plaintext {
  if (typeof plaintext === 'string') {
    // A lone surrogate would come back as another character.
    if (!plaintext.isWellFormed()) throw misuse('the text to seal is ill-formed Unicode (a lone surrogate)')
    return { content: 'text', bytes: Buffer.from(plaintext, 'utf8'), owned: true }
  }
  if (types.isUint8Array(plaintext)) return { content: 'bytes', bytes: plaintext, owned: false }
  throw misuse('what is sealed must be a Uint8Array or a string; sealJson takes other values')
}

export function fromJson(value: unknown): Plaintext {
  const text = stringify(value)
  if (text === undefined) throw misuse('JSON cannot express undefined, a function or a symbol')
  return { content: 'json', bytes: Buffer.from(text, 'utf8'), owned: true }
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // The error beneath quotes property names, and that of a toJSON method anything: it is not passed on.
    throw misuse('JSON cannot express the value: it is cyclic, holds a BigInt, or its toJSON failed')
  }
}

export function toText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw malformed('its text is not UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

export function toJson(bytes: Uint8Array): unknown {
  const text = toText(bytes)
  try {
    return JSON.parse(text)
  } catch {
    // The SyntaxError quotes the plaintext: it is not passed on.
    throw malformed('its JSON does not parse')
  }
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
