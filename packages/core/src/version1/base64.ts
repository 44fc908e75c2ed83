import { malformed } from '../record.ts'

/**
 * The bytes that a field of version 1 stands for; strict, so that each has one text: `Buffer.from` skips what it does not
 * know, takes the URL alphabet and missing padding, and drops spare bits, so only the round trip tells.
 * @throws WaxsealError `ERR_WAXSEAL_RECORD_MALFORMED`, when `text` is no such string, or its bytes are fewer than `least`
 *   or more than `most`. Nothing longer than that is decoded.
 */
export function fromBase64(text: unknown, name: string, least: number, most: number): Uint8Array {
  if (typeof text !== 'string') throw malformed(`${name} is not a string`)
  if (text.length > 4 * Math.ceil(most / 3)) throw malformed(`${name} is too long`)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw malformed(`${name} is not canonical base64`)
  if (bytes.length < least) throw malformed(`${name} is too short`)
  if (bytes.length > most) throw malformed(`${name} is too long`)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
