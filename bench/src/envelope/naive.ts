import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

// What an app writes by itself: one key, a random IV, parts concatenated. No binding to a row, no key commitment, no
// data keys; the floor that a record format is measured against.

export function naiveSeal(key: Buffer, plaintext: Uint8Array): Buffer {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext])
}

export function naiveOpen(key: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(12, 28))
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
}
