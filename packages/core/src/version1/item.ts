/** The encrypted part of a session item of version 1, under a data key that somebody else has. */
import type { KeyObject } from 'node:crypto'
import { WaxsealTypeError } from '../errors.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { IV_BYTES, MAX_DATA_BYTES, openBytes, type Sealed, sealBytes, TAG_BYTES } from './cipher.ts'
import type { EncryptionResult } from './types.ts'

/** The longest blob that AWS KMS takes. */
const MAX_WRAPPED_BYTES = 6144

/** An item whose structure is sound; nothing in it is authenticated yet. */
export interface ParsedItem extends Sealed {
  /** The data key as AWS KMS wrapped it. */
  readonly wrapped: Uint8Array
}

/**
 * Checks the four fields, so that nothing bent ever costs a call to KMS. Further fields, as an item has, are not looked at.
 * @throws WaxsealError `ERR_WAXSEAL_RECORD_MALFORMED`; WaxsealTypeError when it is no object at all.
 */
export function parseItem(encrypted: EncryptionResult): ParsedItem {
  if (typeof encrypted !== 'object' || encrypted === null) {
    throw misuse('what is opened must have encryptedData, encryptedKey, iv and authTag')
  }
  return {
    iv: fromBase64(encrypted.iv, 'iv', IV_BYTES, IV_BYTES),
    authTag: fromBase64(encrypted.authTag, 'authTag', TAG_BYTES, TAG_BYTES),
    wrapped: fromBase64(encrypted.encryptedKey, 'encryptedKey', 1, MAX_WRAPPED_BYTES),
    data: fromBase64(encrypted.encryptedData, 'encryptedData', 0, MAX_DATA_BYTES),
  }
}

/** @throws WaxsealTypeError for more than 1 MiB. */
export function checkLength(plaintext: Uint8Array): void {
  if (plaintext.length > MAX_DATA_BYTES) throw misuse('the plaintext is too long: it may have 1 MiB')
}

/** A key seals one item, as version 1 always had it. */
export function sealItem(dataKey: KeyObject, wrapped: Uint8Array, plaintext: Uint8Array): EncryptionResult {
  const { iv, authTag, data } = sealBytes(dataKey, plaintext)
  return {
    encryptedData: toBase64(data),
    encryptedKey: toBase64(wrapped),
    iv: toBase64(iv),
    authTag: toBase64(authTag),
  }
}

/**
 * Fresh bytes.
 * @throws WaxsealError `ERR_WAXSEAL_INTEGRITY`: another data key or altered bytes, not told apart.
 */
export function openItem(dataKey: KeyObject, item: ParsedItem): Uint8Array {
  return openBytes(dataKey, item)
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
