/** The bytes of a version 2 record. No other file knows them; docs/record-format.md is the normative text. */
import { WaxsealError, WaxsealTypeError } from './errors.ts'
import type { WrappedKey } from './keyring.ts'
import {
  openedLength,
  PAYLOAD_PREFIX_BYTES,
  SALT_BYTES,
  SEALED_CHUNK_BYTES,
  sealedLength,
  TAG_BYTES,
} from './payload.ts'

export const MAGIC = 0xec
export const VERSION = 2
export const SUITE_COBBLESTONE_256 = 1
export const MAX_RECORD_BYTES = 1_048_576
/** Magic, version, suite, flags, content: the part of the header that is bound into the payload. */
export const BOUND_HEADER_BYTES = 5

export const CONTENT = { bytes: 0, text: 1, json: 2 } as const
export type ContentName = keyof typeof CONTENT
export const CONTENT_NAMES: readonly ContentName[] = ['bytes', 'text', 'json']

export const KEYRING = { awsKms: 1, local: 2, passphrase: 3 } as const

/** What a record may ask of scrypt, both ends included: at most 2 GiB of memory. */
export const SCRYPT_LIMITS = { log2N: [10, 20], r: [1, 16], p: [1, 16] } as const
/** log2 of N, r and p, a byte each. */
const SCRYPT_COST_BYTES = 3
export const SCRYPT_SALT_BYTES = 16
/** What stands before the payload in a data key that a passphrase wraps. */
export const SCRYPT_PARAMETERS_BYTES: number = SCRYPT_COST_BYTES + SCRYPT_SALT_BYTES

const CONTENT_OFFSET = 4
const COUNT_OFFSET = 5
const FIRST_KEY_OFFSET = 6
export const MAX_WRAPPED_KEYS = 8
const MAX_KID_BYTES = 64
const MAX_WRAPPED_BYTES = 1024
const LOCAL_KID = /^[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]$/
/** Salt, commitment and one chunk that holds the 32 bytes of a data key. */
const LOCAL_WRAPPED_BYTES: number = sealedLength(32)
const PASSPHRASE_WRAPPED_BYTES: number = SCRYPT_PARAMETERS_BYTES + LOCAL_WRAPPED_BYTES

/** A record whose structure is sound; nothing in it is authenticated yet. The views share memory with the record. */
export interface ParsedRecord {
  readonly bytes: Uint8Array
  readonly content: ContentName
  readonly wrappedKeys: readonly WrappedKey[]
  /** Salt, commitment and chunks. */
  readonly payload: Uint8Array
}

/**
 * Checks every structural rule and copies nothing.
 * @throws WaxsealError `ERR_WAXSEAL_RECORD_MALFORMED`, `_UNSUPPORTED_VERSION`, `_UNSUPPORTED_SUITE`, or
 *   `_LEGACY_REFUSED` when the first byte could begin a version 1 value, which is base64 text.
 */
export function parseRecord(bytes: Uint8Array): ParsedRecord {
  if (bytes[0] !== MAGIC) throw isBase64Unit(bytes[0]) ? legacy() : malformed('it does not begin with the magic byte')
  if (bytes.length < FIRST_KEY_OFFSET) throw malformed('it ends within its header')
  if (bytes[1] !== VERSION) {
    throw new WaxsealError('ERR_WAXSEAL_UNSUPPORTED_VERSION', `Waxseal: record version ${bytes[1]} is not supported`)
  }
  if (bytes[2] !== SUITE_COBBLESTONE_256) {
    throw new WaxsealError('ERR_WAXSEAL_UNSUPPORTED_SUITE', `Waxseal: record suite ${bytes[2]} is not supported`)
  }
  if (bytes.length > MAX_RECORD_BYTES) throw malformed('it is longer than 1 MiB')
  if (bytes[3] !== 0) throw malformed('it has unknown flags')
  const content = CONTENT_NAMES[bytes[CONTENT_OFFSET] as number]
  if (content === undefined) throw malformed('its content kind is unknown')
  const { wrappedKeys, end } = parseWrappedKeys(bytes)
  const payload = bytes.subarray(end)
  if (openedLength(payload.length) === undefined) throw malformed('no plaintext has a ciphertext of that length')
  return { bytes, content, wrappedKeys, payload }
}

function parseWrappedKeys(bytes: Uint8Array): { wrappedKeys: WrappedKey[]; end: number } {
  const count = bytes[COUNT_OFFSET] as number
  if (count < 1 || count > MAX_WRAPPED_KEYS) throw malformed('it has no wrapped key, or more than 8')
  const wrappedKeys: WrappedKey[] = []
  let offset = FIRST_KEY_OFFSET
  for (let i = 0; i < count; i++) {
    const kidAt = offset + 2
    const kidEnd = kidAt + (bytes[offset + 1] ?? Number.POSITIVE_INFINITY)
    const wrappedAt = kidEnd + 2
    if (wrappedAt > bytes.length) throw malformed('it ends within a wrapped key')
    const end = wrappedAt + (((bytes[kidEnd] as number) << 8) | (bytes[kidEnd + 1] as number))
    if (end > bytes.length) throw malformed('it ends within a wrapped key')
    const kid = latin1(bytes, kidAt, kidEnd)
    const key = { keyringId: bytes[offset] as number, kid, wrapped: bytes.subarray(wrappedAt, end) }
    const fault = wrappedKeyFault(key, wrappedKeys)
    if (fault !== undefined) throw malformed(fault)
    wrappedKeys.push(key)
    offset = end
  }
  return { wrappedKeys, end: offset }
}

/** What the format has against this wrapped key, beside the ones before it; the same rules for parser and writer. */
function wrappedKeyFault(key: WrappedKey, before: readonly WrappedKey[]): string | undefined {
  if (key.kid.length === 0 || key.kid.length > MAX_KID_BYTES) return 'a kid is empty or longer than 64 bytes'
  if (!isPrintableAscii(key.kid)) return 'a kid is not printable ASCII'
  if (key.wrapped.length === 0 || key.wrapped.length > MAX_WRAPPED_BYTES) {
    return 'a wrapped key is empty or longer than 1 KiB'
  }
  if (before.some(({ keyringId, kid }) => keyringId === key.keyringId && kid === key.kid)) {
    return 'two wrapped keys have the same keyring and kid'
  }
  switch (key.keyringId) {
    case KEYRING.awsKms:
      return undefined
    case KEYRING.local:
      if (!LOCAL_KID.test(key.kid)) return 'the kid of a local keyring is not an 8-byte fingerprint'
      return key.wrapped.length === LOCAL_WRAPPED_BYTES ? undefined : 'a locally wrapped key has another length'
    case KEYRING.passphrase:
      if (key.wrapped.length !== PASSPHRASE_WRAPPED_BYTES) return 'a key wrapped by a passphrase has another length'
      return areWithinScryptLimits(key.wrapped) ? undefined : 'a wrapped key has scrypt parameters out of bounds'
    default:
      return 'a wrapped key belongs to an unknown keyring'
  }
}

function areWithinScryptLimits(cost: Uint8Array): boolean {
  const limits = [SCRYPT_LIMITS.log2N, SCRYPT_LIMITS.r, SCRYPT_LIMITS.p]
  return limits.every(([least, most], i) => least <= (cost[i] as number) && (cost[i] as number) <= most)
}

/**
 * Everything before the payload, with content 0; {@link startRecord} copies it for every record under one data key.
 * @throws WaxsealTypeError when a keyring returned wrapped keys that this format cannot hold.
 */
export function encodeHeader(wrappedKeys: readonly WrappedKey[]): Uint8Array {
  if (wrappedKeys.length < 1 || wrappedKeys.length > MAX_WRAPPED_KEYS) {
    throw misuse('a keyring returned no wrapped key, or more than 8')
  }
  const parts: Uint8Array[] = [Uint8Array.of(MAGIC, VERSION, SUITE_COBBLESTONE_256, 0, 0, wrappedKeys.length)]
  for (const [index, key] of wrappedKeys.entries()) {
    const fault = wrappedKeyFault(key, wrappedKeys.slice(0, index))
    if (fault !== undefined) throw misuse(`a keyring returned what no record can hold: ${fault}`)
    const length = key.wrapped.length
    parts.push(Uint8Array.of(key.keyringId, key.kid.length), Buffer.from(key.kid, 'latin1'))
    parts.push(Uint8Array.of(length >> 8, length & 0xff), key.wrapped)
  }
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * A new record of the right size that holds its header; the payload goes in from `header.length` on.
 * @throws WaxsealTypeError when the record would be longer than 1 MiB.
 */
export function startRecord(header: Uint8Array, content: ContentName, plaintextLength: number): Uint8Array {
  const length = header.length + sealedLength(plaintextLength)
  if (length > MAX_RECORD_BYTES) throw misuse('the plaintext is too long: a record holds at most 1 MiB')
  const record = new Uint8Array(length)
  record.set(header)
  record[CONTENT_OFFSET] = CONTENT[content]
  return record
}

/**
 * The record with its data key wrapped by these; not a byte of its payload changes.
 * @throws WaxsealTypeError like {@link encodeHeader} and {@link startRecord}.
 */
export function replaceWrappedKeys({ content, payload }: ParsedRecord, wrappedKeys: readonly WrappedKey[]): Uint8Array {
  const header = encodeHeader(wrappedKeys)
  const record = startRecord(header, content, openedLength(payload.length) as number)
  record.set(payload, header.length)
  return record
}

/** What the payload is bound to: bytes 0 to 4 of the header ‖ u32be length ‖ canonical record context. */
export function encodeBinding(record: Uint8Array, context: Uint8Array): Uint8Array {
  const binding = Buffer.allocUnsafe(BOUND_HEADER_BYTES + 4 + context.length)
  for (let i = 0; i < BOUND_HEADER_BYTES; i++) binding[i] = record[i] as number
  binding.writeUInt32BE(context.length, BOUND_HEADER_BYTES)
  binding.set(context, BOUND_HEADER_BYTES + 4)
  return binding
}

/** One field of a record: `length` bytes from `offset` on. */
export interface RecordPart {
  readonly field: string
  readonly offset: number
  readonly length: number
}

/** Where every byte of a sound record belongs, in order and without gaps. */
export function recordParts({ bytes, wrappedKeys }: ParsedRecord): RecordPart[] {
  const parts: RecordPart[] = []
  let offset = 0
  const add = (field: string, length: number): void => {
    parts.push({ field, offset, length })
    offset += length
  }
  for (const field of ['magic', 'version', 'suite', 'flags', 'content', 'wrappedKeyCount']) add(field, 1)
  for (const [index, { kid, wrapped }] of wrappedKeys.entries()) {
    const name = `wrappedKeys[${index}]`
    add(`${name}.keyringId`, 1)
    add(`${name}.kidLength`, 1)
    add(`${name}.kid`, kid.length)
    add(`${name}.wrappedLength`, 2)
    add(`${name}.wrapped`, wrapped.length)
  }
  add('salt', SALT_BYTES)
  add('commitment', PAYLOAD_PREFIX_BYTES - SALT_BYTES)
  for (let index = 0; offset < bytes.length; index++) {
    const length = Math.min(SEALED_CHUNK_BYTES, bytes.length - offset)
    add(`chunks[${index}].ciphertext`, length - TAG_BYTES)
    add(`chunks[${index}].tag`, TAG_BYTES)
  }
  return parts
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}

function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x21 || unit > 0x7e) return false
  }
  return true
}

function isBase64Unit(unit: number | undefined): boolean {
  return unit !== undefined && /[A-Za-z0-9+/]/.test(String.fromCharCode(unit))
}

export function malformed(reason: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', `Waxseal: not a sound record: ${reason}`)
}

function legacy(): WaxsealError {
  return new WaxsealError(
    'ERR_WAXSEAL_LEGACY_REFUSED',
    'Waxseal: this is text, perhaps of version 1, which is refused here',
  )
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
