/**
 * Cobblestone-256: the chunked encryption of c2sp.org/chunked-encryption with SHA-512 and AES-256-GCM, unchanged.
 * Every payload has its own key, base nonce and commitment, derived from the data key, a random salt and a context.
 */
import { createCipheriv, createDecipheriv, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { WaxsealError } from './errors.ts'

export const DATA_KEY_BYTES = 32
export const SALT_BYTES = 24
export const COMMITMENT_BYTES = 32
export const TAG_BYTES = 16
export const CHUNK_BYTES = 16_384
/** Salt and commitment, which stand before the chunks. */
export const PAYLOAD_PREFIX_BYTES: number = SALT_BYTES + COMMITMENT_BYTES

const KEY_BYTES = 32
const NONCE_BYTES = 12
/** Where the commitment begins in the derived bytes. */
const COMMITMENT_AT = KEY_BYTES + NONCE_BYTES
const HMAC_BYTES = 64
export const SEALED_CHUNK_BYTES: number = CHUNK_BYTES + TAG_BYTES
const CIPHER = 'aes-256-gcm'
// Without this option Node accepts a tag of 4 bytes when it opens.
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES }
const INFO_PREFIX = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'latin1')

/** How many bytes a plaintext takes once sealed. The last chunk is always short, so 16 KiB make two chunks. */
export function sealedLength(plaintextLength: number): number {
  const chunks = Math.floor(plaintextLength / CHUNK_BYTES) + 1
  return PAYLOAD_PREFIX_BYTES + plaintextLength + chunks * TAG_BYTES
}

/** The plaintext length of a sealed payload, or undefined when no plaintext has that sealed length. */
export function openedLength(payloadLength: number): number | undefined {
  const ciphertextLength = payloadLength - PAYLOAD_PREFIX_BYTES
  const fullChunks = Math.floor(ciphertextLength / SEALED_CHUNK_BYTES)
  const lastLength = ciphertextLength - fullChunks * SEALED_CHUNK_BYTES
  if (ciphertextLength < TAG_BYTES || lastLength < TAG_BYTES) return undefined
  return fullChunks * CHUNK_BYTES + lastLength - TAG_BYTES
}

/**
 * Writes commitment and chunks behind the salt that already stands at `offset`; `out` must have room for
 * `sealedLength(plaintext.length)` bytes from there. A salt must never repeat under one data key.
 */
export function sealPayload(
  dataKey: KeyObject,
  context: Uint8Array,
  plaintext: Uint8Array,
  out: Uint8Array,
  offset: number,
): void {
  const derived = derive(dataKey, out.subarray(offset, offset + SALT_BYTES), context)
  writeCommitment(derived, out, offset + SALT_BYTES)
  let position = offset + PAYLOAD_PREFIX_BYTES
  for (let chunk = 0, start = 0; start <= plaintext.length; chunk++, start += CHUNK_BYTES) {
    const cipher = createCipheriv(CIPHER, chunkKey(derived), chunkNonce(derived, chunk), CIPHER_OPTIONS)
    const ciphertext = cipher.update(plaintext.subarray(start, start + CHUNK_BYTES))
    cipher.final()
    out.set(ciphertext, position)
    out.set(cipher.getAuthTag(), position + ciphertext.length)
    position += ciphertext.length + TAG_BYTES
  }
  derived.first.fill(0)
}

/**
 * Opens salt ‖ commitment ‖ chunks and returns fresh bytes.
 * @throws WaxsealError `ERR_WAXSEAL_INTEGRITY`: wrong key, wrong context or altered bytes, not told apart.
 */
export function openPayload(dataKey: KeyObject, context: Uint8Array, payload: Uint8Array): Uint8Array {
  const length = openedLength(payload.length)
  if (length === undefined) throw integrityError()
  const derived = derive(dataKey, payload.subarray(0, SALT_BYTES), context)
  try {
    // Before any AES: one ciphertext must not open under two keys.
    const commitment = Buffer.allocUnsafe(COMMITMENT_BYTES)
    writeCommitment(derived, commitment, 0)
    if (!timingSafeEqual(commitment, payload.subarray(SALT_BYTES, PAYLOAD_PREFIX_BYTES))) throw integrityError()
    if (length < CHUNK_BYTES) return openChunk(derived, 0, payload.subarray(PAYLOAD_PREFIX_BYTES))
    // Chunks gather in this buffer, which nobody else holds until every one of them has verified.
    const plaintext = new Uint8Array(length)
    let position = PAYLOAD_PREFIX_BYTES
    for (let chunk = 0, start = 0; start <= length; chunk++, start += CHUNK_BYTES) {
      const bytes = openChunk(derived, chunk, payload.subarray(position, position + SEALED_CHUNK_BYTES))
      plaintext.set(bytes, start)
      bytes.fill(0)
      position += SEALED_CHUNK_BYTES
    }
    return plaintext
  } finally {
    derived.first.fill(0)
  }
}

function openChunk(derived: Derived, chunk: number, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(CIPHER, chunkKey(derived), chunkNonce(derived, chunk), CIPHER_OPTIONS)
  const tagAt = sealed.length - TAG_BYTES
  decipher.setAuthTag(sealed.subarray(tagAt))
  const bytes = decipher.update(sealed.subarray(0, tagAt))
  try {
    decipher.final()
  } catch {
    bytes.fill(0)
    throw integrityError()
  }
  // A plain view of what update() allocated for us alone: callers get a Uint8Array, not a Buffer.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** The two blocks of HKDF-Expand: key(32) ‖ base nonce(12) ‖ commitment(32), and 52 bytes that nothing uses. */
interface Derived {
  /** Holds the key: overwritten with zeros after use. */
  readonly first: Buffer
  /** As a string, one character a byte, which spares an allocation; only the public end of the commitment is read. */
  readonly second: string
}

/** Written out, because `crypto.hkdf` extracts first (another function) and caps info at 1,024 bytes. */
function derive(dataKey: KeyObject, salt: Uint8Array, context: Uint8Array): Derived {
  const info = Buffer.allocUnsafe(INFO_PREFIX.length + SALT_BYTES + context.length + 1)
  info.set(INFO_PREFIX)
  info.set(salt, INFO_PREFIX.length)
  info.set(context, INFO_PREFIX.length + SALT_BYTES)
  const counterAt = info.length - 1
  info[counterAt] = 1
  const first = createHmac('sha512', dataKey).update(info).digest()
  info[counterAt] = 2
  const second = createHmac('sha512', dataKey).update(first).update(info).digest('binary')
  return { first, second }
}

function chunkKey({ first }: Derived): Uint8Array {
  return first.subarray(0, KEY_BYTES)
}

/** Base nonce XOR chunk number as a big-endian integer; chunk numbers stay far below 2^32. */
function chunkNonce({ first }: Derived, chunk: number): Uint8Array {
  const baseNonce = first.subarray(KEY_BYTES, COMMITMENT_AT)
  if (chunk === 0) return baseNonce
  const nonce = new Uint8Array(baseNonce)
  const tail = new DataView(nonce.buffer, NONCE_BYTES - 4)
  tail.setUint32(0, tail.getUint32(0) ^ chunk)
  return nonce
}

function writeCommitment({ first, second }: Derived, out: Uint8Array, offset: number): void {
  out.set(first.subarray(COMMITMENT_AT), offset)
  const rest = HMAC_BYTES - COMMITMENT_AT
  for (let i = rest; i < COMMITMENT_BYTES; i++) out[offset + i] = second.charCodeAt(i - rest)
}

export function integrityError(): WaxsealError {
  return new WaxsealError(
    'ERR_WAXSEAL_INTEGRITY',
    'Waxseal: the record does not open: its key, its context or its bytes are not those it was sealed with',
  )
}
