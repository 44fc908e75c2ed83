/** The ciphertext blobs of the fake: AES-256-GCM with the encryption context authenticated, as long as those of KMS. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KmsFailure } from './protocol.ts'

/** One generation of a key's material. Rotation adds one; the older ones go on decrypting. */
export interface KeyMaterial {
  /** 64 hexadecimal digits, as KMS names key material. */
  readonly id: string
  readonly bytes: Uint8Array
  /** Milliseconds since the epoch; the first material of a key has no such date. */
  readonly rotatedAt?: number
}

export type Context = Readonly<Record<string, string>>

const FORMAT = 0x01
const KEY_ID_BYTES = 36
const MATERIAL_ID_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16
/** What a ciphertext of KMS is longer than its plaintext: 32 bytes become 184. */
const OVERHEAD_BYTES = 152
const HEADER_BYTES = OVERHEAD_BYTES - IV_BYTES - TAG_BYTES

export function newMaterial(rotatedAt?: number): KeyMaterial {
  const id = randomBytes(MATERIAL_ID_BYTES).toString('hex')
  return { id, bytes: randomBytes(32), ...(rotatedAt !== undefined && { rotatedAt }) }
}

/** Header (format, key id, material id, filler) ‖ IV ‖ ciphertext ‖ tag. The header is authenticated too. */
export function encrypt(keyId: string, material: KeyMaterial, plaintext: Uint8Array, context: Context): Buffer {
  const header = randomBytes(HEADER_BYTES)
  header[0] = FORMAT
  header.write(keyId, 1, KEY_ID_BYTES, 'latin1')
  header.write(material.id, 1 + KEY_ID_BYTES, MATERIAL_ID_BYTES, 'hex')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', material.bytes, iv)
  cipher.setAAD(Buffer.concat([header, encodeContext(context)]))
  return Buffer.concat([header, iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The id of the key that made a blob; a multi-Region key has the same id in all its Regions. */
export function keyIdOf(blob: Uint8Array): string {
  if (blob.length <= OVERHEAD_BYTES || blob[0] !== FORMAT) throw invalidCiphertext()
  return Buffer.from(blob.subarray(1, 1 + KEY_ID_BYTES)).toString('latin1')
}

export function decrypt(
  blob: Uint8Array,
  materials: readonly KeyMaterial[],
  context: Context,
): { plaintext: Buffer; materialId: string } {
  const header = blob.subarray(0, HEADER_BYTES)
  const idAt = 1 + KEY_ID_BYTES
  const materialId = Buffer.from(header.subarray(idAt, idAt + MATERIAL_ID_BYTES)).toString('hex')
  const material = materials.find(({ id }) => id === materialId)
  if (material === undefined) throw invalidCiphertext()
  const body = blob.subarray(HEADER_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', material.bytes, body.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.concat([header, encodeContext(context)]))
  decipher.setAuthTag(body.subarray(-TAG_BYTES))
  try {
    const plaintext = Buffer.concat([decipher.update(body.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()])
    return { plaintext, materialId }
  } catch {
    throw invalidCiphertext()
  }
}

/** The same bytes for the same entries in whatever order, and for no other entries. */
function encodeContext(context: Context): Buffer {
  const entries = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify(entries), 'utf8')
}

/** KMS gives this one no message: wrong bytes and a wrong encryption context are not told apart. */
function invalidCiphertext(): KmsFailure {
  return new KmsFailure('InvalidCiphertextException', '')
}
