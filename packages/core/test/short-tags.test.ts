/** Node takes a GCM tag of 4 bytes where nobody says how long it must be; such a tag is guessed in 2^32 attempts. */
import { createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CHUNK_BYTES, openPayload, SALT_BYTES, sealedLength, sealPayload } from '../src/payload.ts'
import { codeOfSync } from './support/codes.ts'

const key = createSecretKey(randomBytes(32))
const context = Buffer.from('context')

/** A payload whose last chunk is a tag alone, so that cutting it leaves a shorter tag and nothing else. */
function payloadEndingInTag(plaintextLength: 0 | typeof CHUNK_BYTES): Uint8Array {
  const out = new Uint8Array(sealedLength(plaintextLength))
  out.set(randomBytes(SALT_BYTES))
  sealPayload(key, context, new Uint8Array(plaintextLength), out, 0)
  return out
}

describe.each([0, CHUNK_BYTES] as const)('the last tag of %i bytes of plaintext', (plaintextLength) => {
  it.each([0, 4, 8, 12, 13, 14, 15, 17, 32])('cut or stretched to %i bytes is refused', (tagLength) => {
    const payload = payloadEndingInTag(plaintextLength)
    expect(openPayload(key, context, payload)).toHaveLength(plaintextLength)
    const bent = Buffer.concat([payload, payload.subarray(-16)]).subarray(0, payload.length - 16 + tagLength)
    expect(codeOfSync(() => openPayload(key, context, bent))).toBe('ERR_WAXSEAL_INTEGRITY')
  })
})

it('Node does take a short tag, so that the tests above can fail', () => {
  const decipher = createDecipheriv('aes-256-gcm', randomBytes(32), randomBytes(12))
  expect(() => decipher.setAuthTag(randomBytes(4))).not.toThrow()
})
