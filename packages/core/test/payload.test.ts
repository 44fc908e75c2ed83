import { createCipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHUNK_BYTES, openedLength, openPayload, SALT_BYTES, sealedLength, sealPayload } from '../src/payload.ts'
import { codeOfSync } from './support/codes.ts'

const key = createSecretKey(randomBytes(32))
const context = Buffer.from('context')
const SEALED_CHUNK = CHUNK_BYTES + 16

function seal(plaintext: Uint8Array, dataKey = key, bound: Uint8Array = context): Uint8Array {
  const out = new Uint8Array(sealedLength(plaintext.length))
  out.set(randomBytes(SALT_BYTES))
  sealPayload(dataKey, bound, plaintext, out, 0)
  return out
}

/** HKDF-Expand as RFC 5869 words it, block after block. */
function expand(prk: Uint8Array, info: Uint8Array, length: number): Buffer {
  let block = Buffer.alloc(0)
  const blocks: Buffer[] = []
  for (let counter = 1; blocks.length * 64 < length; counter++) {
    block = createHmac('sha512', prk)
      .update(Buffer.concat([block, info, Uint8Array.of(counter)]))
      .digest()
    blocks.push(block)
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const refused = (payload: Uint8Array, dataKey = key, bound: Uint8Array = context): string =>
  codeOfSync(() => openPayload(dataKey, bound, payload))

describe('Cobblestone-256', () => {
  it.each([0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 100_000])('opens what it sealed: %i bytes', (length) => {
    const plaintext = randomBytes(length)
    const payload = seal(plaintext)
    expect(payload).toHaveLength(56 + length + 16 * (Math.floor(length / 16_384) + 1))
    expect(openedLength(payload.length)).toBe(length)
    expect(Buffer.compare(openPayload(key, context, payload), plaintext)).toBe(0)
  })

  it('opens at every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40_000, size: 'max' }), (plaintext) => {
        expect(Buffer.compare(openPayload(key, context, seal(plaintext)), plaintext)).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('has impossible lengths, and refuses them', () => {
    const impossible = [0, 55, 56, 71, 56 + SEALED_CHUNK, 56 + SEALED_CHUNK + 15, 56 + 2 * SEALED_CHUNK]
    for (const length of impossible) {
      expect(openedLength(length)).toBeUndefined()
      expect(refused(new Uint8Array(length))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
  })

  it('refuses another key and another context', () => {
    const payload = seal(Buffer.from('secret'))
    expect(refused(payload, createSecretKey(randomBytes(32)))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(refused(payload, key, Buffer.from('contexu'))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(refused(payload, key, Buffer.alloc(0))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('refuses every one-byte change', () => {
    const payload = seal(randomBytes(40))
    for (let i = 0; i < payload.length; i++) {
      const changed = payload.slice()
      changed[i]! ^= 1 << (i % 8)
      expect(refused(changed)).toBe('ERR_WAXSEAL_INTEGRITY')
    }
  })

  it('refuses truncation at every byte and at every chunk border', () => {
    const short = seal(randomBytes(40))
    for (let length = 0; length < short.length; length++) {
      expect(refused(short.subarray(0, length))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
    const long = seal(randomBytes(3 * CHUNK_BYTES + 100))
    for (let border = 56; border < long.length; border += SEALED_CHUNK) {
      for (const length of [border - 1, border, border + 1, border + 15, border + 16, border + 17]) {
        expect(refused(long.subarray(0, length))).toBe('ERR_WAXSEAL_INTEGRITY')
      }
    }
  })

  it('refuses chunks that are reordered, repeated, dropped or taken from another payload', () => {
    const payload = seal(randomBytes(3 * CHUNK_BYTES + 100))
    const other = seal(randomBytes(3 * CHUNK_BYTES + 100))
    const pieces = (bytes: Uint8Array): Uint8Array[] => [
      bytes.subarray(0, 56),
      ...[0, 1, 2, 3].map((i) => bytes.subarray(56 + i * SEALED_CHUNK, 56 + (i + 1) * SEALED_CHUNK)),
    ]
    const [head, a, b, c, d] = pieces(payload) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const [, x, , , y] = pieces(other) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    expect(openPayload(key, context, Buffer.concat([head, a, b, c, d]))).toHaveLength(3 * CHUNK_BYTES + 100)
    for (const order of [
      [b, a, c, d],
      [a, c, b, d],
      [a, a, b, c, d],
      [a, b, d],
      [b, c, d],
      [a, b, c, d, d],
      [x, b, c, d],
      [a, b, c, y],
      [d],
    ]) {
      expect(refused(Buffer.concat([head, ...order]))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
  })

  it('refuses a tag of another length, whatever Node would take', () => {
    const payload = seal(randomBytes(40))
    for (const length of [0, 4, 8, 12, 15]) {
      expect(refused(payload.subarray(0, payload.length - 16 + length))).toBe('ERR_WAXSEAL_INTEGRITY')
    }
    expect(refused(Buffer.concat([payload, Uint8Array.of(0)]))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('checks the commitment: a ciphertext that is right for another key is refused before AES', () => {
    // What an attacker who knows two keys can make of plain GCM: chunks valid under `key`, commitment of another one.
    const payload = seal(randomBytes(40))
    const foreign = payload.slice()
    foreign.set(randomBytes(32), SALT_BYTES)
    expect(refused(foreign)).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('is compared with a true HKDF-Expand', () => {
    const [ikm, salt, info] = [randomBytes(32), randomBytes(16), randomBytes(99)]
    const prk = createHmac('sha512', salt).update(ikm).digest()
    expect(expand(prk, info, 76).equals(Buffer.from(hkdfSync('sha512', ikm, salt, info, 76)))).toBe(true)
  })

  it('derives as HKDF-Expand does, by an independent way', () => {
    const plaintext = Buffer.from('independent')
    const payload = Buffer.from(seal(plaintext))
    const info = Buffer.concat([
      Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'),
      payload.subarray(0, 24),
      context,
    ])
    const okm = expand(key.export(), info, 76)
    expect(payload.subarray(24, 56).equals(okm.subarray(44))).toBe(true)
    const cipher = createCipheriv('aes-256-gcm', okm.subarray(0, 32), okm.subarray(32, 44))
    const chunk = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    expect(payload.subarray(56).equals(chunk)).toBe(true)
  })
})
