/** Text values of version 1, as a token column holds them: base64(salt ‖ IV ‖ tag ‖ ciphertext) under a secret. */
import { randomBytes } from 'node:crypto'
import { types } from 'node:util'
import { type Clock, systemClock } from '../clock.ts'
import { WaxsealError, WaxsealTypeError } from '../errors.ts'
import { Operation } from '../operation.ts'
import { fromBytesOrText, toText } from '../plaintext.ts'
import { MAGIC, malformed } from '../record.ts'
import { version1Scope } from '../scope.ts'
import { newCounters } from '../stats.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { IV_BYTES, MAX_DATA_BYTES, openBytes, type Sealed, sealBytes, TAG_BYTES } from './cipher.ts'
import { deriveKey, type SecretOptions, secretOf } from './secret.ts'

const SALT_BYTES = 16
const TAG_AT: number = SALT_BYTES + IV_BYTES
const DATA_AT: number = TAG_AT + TAG_BYTES
const MAX_TEXT_LENGTH: number = 4 * Math.ceil(MAX_DATA_BYTES / 3)

export interface EncryptOptions extends SecretOptions {
  /** Default `systemClock`. */
  readonly clock?: Clock
}

export interface DecryptOptions extends EncryptOptions {
  /** After this instant every value is `ERR_WAXSEAL_LEGACY_REFUSED`. Default: never. */
  readonly acceptUntil?: Date
}

/**
 * Encrypts a text as version 1 did, for rows that old code still reads. Nothing says where the value belongs: whoever can
 * write the table can copy it to another row. New values are for an envelope to seal.
 *
 * Costs one scrypt, 16 MiB for tens of milliseconds; one runs at a time.
 *
 * @param plaintext at most 1 MiB less 44 bytes in UTF-8; may be empty.
 * @returns base64, 44 bytes longer than the plaintext before encoding.
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` for a secret that is missing or too short, `ERR_WAXSEAL_KEY_UNAVAILABLE`
 *   (retryable) when scrypt fails; WaxsealTypeError for a plaintext that is no text or too long.
 * @example
 * const stored = await encrypt(accessToken)
 */
export async function encrypt(plaintext: string, options: EncryptOptions = {}): Promise<string> {
  const operation = startOperation('seal', options)
  try {
    const secret = secretOf(options)
    const bytes = encode(plaintext)
    const salt = randomBytes(SALT_BYTES)
    const { iv, authTag, data } = sealBytes(await deriveKey(secret, salt), bytes)
    bytes.fill(0)
    const text = toBase64(Buffer.concat([salt, iv, authTag, data]))
    operation.succeeded(text.length)
    return text
  } catch (error) {
    operation.failed(error)
    throw error
  }
}

/**
 * Decrypts what `encrypt` made, now or years ago. Costs as much.
 *
 * @param text the stored text; its ASCII bytes will do, as a `bytea` column holds them.
 * @throws WaxsealError `ERR_WAXSEAL_INTEGRITY` for another secret or altered bytes, not told apart;
 *   `ERR_WAXSEAL_RECORD_MALFORMED` for what is no such value; `ERR_WAXSEAL_UNSUPPORTED_VERSION` for a record of version 2;
 *   `ERR_WAXSEAL_LEGACY_REFUSED` after `acceptUntil`; and as `encrypt` does.
 * @example
 * const accessToken = await decrypt(row.encryptedValue, { acceptUntil: new Date('2027-07-01') })
 */
export async function decrypt(text: string | Uint8Array, options: DecryptOptions = {}): Promise<string> {
  const operation = startOperation('open', options)
  try {
    assertAccepted(options)
    const secret = secretOf(options)
    const { salt, sealed } = parse(text)
    const bytes = openBytes(await deriveKey(secret, salt), sealed)
    try {
      const plaintext = toText(bytes)
      operation.succeeded(text.length)
      return plaintext
    } finally {
      bytes.fill(0)
    }
  } catch (error) {
    operation.failed(error)
    throw error
  }
}

function startOperation(type: 'seal' | 'open', { clock = systemClock }: EncryptOptions): Operation {
  // For the channels alone: there is no object that could have stats().
  const operation = new Operation(type, version1Scope, clock, newCounters())
  operation.missed()
  return operation
}

function assertAccepted({ acceptUntil, clock = systemClock }: DecryptOptions): void {
  if (acceptUntil === undefined) return
  if (!types.isDate(acceptUntil) || Number.isNaN(acceptUntil.getTime()))
    throw misuse('acceptUntil must be a valid Date')
  if (clock.now() > acceptUntil.getTime()) {
    throw new WaxsealError('ERR_WAXSEAL_LEGACY_REFUSED', 'Waxseal: values of version 1 are not accepted any more')
  }
}

function encode(plaintext: string): Uint8Array {
  if (typeof plaintext !== 'string') throw misuse('encrypt takes a string')
  const { bytes } = fromBytesOrText(plaintext)
  if (bytes.length > MAX_DATA_BYTES - DATA_AT) throw misuse('the plaintext is too long: a value holds at most 1 MiB')
  return bytes
}

function parse(text: string | Uint8Array): { salt: Uint8Array; sealed: Sealed } {
  const bytes = fromBase64(asText(text), 'it', DATA_AT, MAX_DATA_BYTES)
  return {
    salt: bytes.subarray(0, SALT_BYTES),
    sealed: {
      iv: bytes.subarray(SALT_BYTES, TAG_AT),
      authTag: bytes.subarray(TAG_AT, DATA_AT),
      data: bytes.subarray(DATA_AT),
    },
  }
}

function asText(value: string | Uint8Array): string {
  if (types.isUint8Array(value)) {
    if (value[0] === MAGIC) throw laterVersion()
    if (value.length > MAX_TEXT_LENGTH) throw malformed('it is too long')
    // What is no ASCII becomes a character that is not of base64 either.
    return asText(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1'))
  }
  if (typeof value !== 'string') throw misuse('decrypt takes a string or its bytes')
  if (/^ws[0-9]+\./.test(value)) throw laterVersion()
  return value
}

function laterVersion(): WaxsealError {
  return new WaxsealError(
    'ERR_WAXSEAL_UNSUPPORTED_VERSION',
    'Waxseal: this is a record of a later version than 1: an envelope opens it',
  )
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
