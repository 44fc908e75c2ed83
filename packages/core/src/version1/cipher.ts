/** What both formats of version 1 are made of: AES-256-GCM with a random IV and no additional data. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { WaxsealError } from '../errors.ts'

export const IV_BYTES = 12
export const TAG_BYTES = 16
/** Of one ciphertext. The oldest apps knew no limit; no session item and no token comes near this one. */
export const MAX_DATA_BYTES = 1_048_576

const CIPHER = 'aes-256-gcm'
// Without this option Node accepts a tag of 4 bytes when it opens.
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES }

export interface Sealed {
  readonly iv: Uint8Array
  readonly authTag: Uint8Array
  /** As long as the plaintext. */
  readonly data: Uint8Array
}

export function sealBytes(key: KeyObject, plaintext: Uint8Array): Sealed {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv, CIPHER_OPTIONS)
  const data = cipher.update(plaintext)
  cipher.final()
  return { iv, authTag: cipher.getAuthTag(), data }
}

/**
 * Fresh bytes.
 * @throws WaxsealError `ERR_WAXSEAL_INTEGRITY`, without a cause: a wrong key and altered bytes are not told apart.
 */
export function openBytes(key: KeyObject, { iv, authTag, data }: Sealed): Uint8Array {
  const decipher = createDecipheriv(CIPHER, key, iv, CIPHER_OPTIONS)
  decipher.setAuthTag(authTag)
  const bytes = decipher.update(data)
  try {
    decipher.final()
  } catch {
    bytes.fill(0)
    throw new WaxsealError(
      'ERR_WAXSEAL_INTEGRITY',
      'Waxseal: the value of version 1 does not open: its key or its bytes are not those it was encrypted with',
    )
  }
  // A plain view of what update() allocated for us alone: callers get a Uint8Array, not a Buffer.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
