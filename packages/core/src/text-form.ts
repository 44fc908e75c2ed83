import { types } from 'node:util'
import { WaxsealError, WaxsealTypeError } from './errors.ts'
import { MAX_RECORD_BYTES, malformed, parseRecord } from './record.ts'

const PREFIX = 'ws2.'
const MAX_TEXT_LENGTH: number = PREFIX.length + Math.ceil((MAX_RECORD_BYTES * 4) / 3)

/**
 * The text form of a record: `ws2.` and its bytes as base64url without padding.
 * @throws WaxsealError as {@link parseRecord} does, when the bytes are not a sound record.
 */
export function recordToText(record: Uint8Array): string {
  parseRecord(asBytes(record))
  return PREFIX + Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('base64url')
}

/**
 * The bytes of a text form; strict, so one record has one text: what `recordToText` would not write is refused.
 * @throws WaxsealError `ERR_WAXSEAL_RECORD_MALFORMED`; `_UNSUPPORTED_VERSION` for `ws` with another number;
 *   `_LEGACY_REFUSED` for other text that begins as base64 does.
 */
export function recordFromText(text: string): Uint8Array {
  if (typeof text !== 'string')
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'Waxseal: a text form must be a string')
  if (!text.startsWith(PREFIX)) throw foreignText(text)
  if (text.length > MAX_TEXT_LENGTH) throw malformed('it is longer than 1 MiB')
  const encoded = text.slice(PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64url')
  // Buffer.from skips what it does not know and accepts padding, so only the round trip tells.
  if (bytes.toString('base64url') !== encoded) throw malformed('its base64url is not canonical')
  parseRecord(bytes)
  return new Uint8Array(bytes)
}

/** Accepts a record in either form and returns its bytes. */
export function recordBytes(record: Uint8Array | string): Uint8Array {
  return typeof record === 'string' ? recordFromText(record) : asBytes(record)
}

function asBytes(record: Uint8Array): Uint8Array {
  if (types.isUint8Array(record)) return record
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'Waxseal: a record must be a Uint8Array or its text form')
}

function foreignText(text: string): WaxsealError {
  if (/^ws[0-9]+\./.test(text)) {
    return new WaxsealError(
      'ERR_WAXSEAL_UNSUPPORTED_VERSION',
      'Waxseal: the version of this text form is not supported',
    )
  }
  if (/^[A-Za-z0-9+/]/.test(text)) {
    return new WaxsealError(
      'ERR_WAXSEAL_LEGACY_REFUSED',
      'Waxseal: this text may be of version 1, which is refused here',
    )
  }
  return malformed('a text form begins with "ws2."')
}
