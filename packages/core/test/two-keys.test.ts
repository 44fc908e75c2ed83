/**
 * Plain AES-GCM commits to no key: who knows two keys can make one ciphertext that opens under both, to different
 * plaintexts. Here one is made in earnest and put into a record for two recipients.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { encodeContext } from '../src/context.ts'
import { createEnvelope, generateKey, localKeyring } from '../src/index.ts'
import { encodeBinding, encodeHeader, startRecord } from '../src/record.ts'
import { codeOf } from './support/codes.ts'

const deciphers = vi.hoisted(() => ({ made: 0 }))
vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>()
  const counting = (...args: Parameters<typeof createDecipheriv>) => {
    deciphers.made++
    return crypto.createDecipheriv(...args)
  }
  return { ...crypto, createDecipheriv: counting }
})

/** Multiplication in GF(2^128) as GCM has it: the leftmost bit is the coefficient of 1. */
function times(a: bigint, b: bigint): bigint {
  let [product, shifted] = [0n, a]
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((b >> bit) & 1n) product ^= shifted
    shifted = (shifted >> 1n) ^ (shifted & 1n ? 0xe1n << 120n : 0n)
  }
  return product
}

/** Division by multiplying with b^(2^128 - 2). */
function divide(a: bigint, b: bigint): bigint {
  let [result, power] = [a, b]
  for (let bit = 1; bit < 128; bit++) {
    power = times(power, power)
    result = times(result, power)
  }
  return result
}

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
const toBlock = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(32, '0'), 'hex')

/** What a data key gives for one record, by HKDF-Expand: AES key, nonce and commitment. */
function derive(dataKey: Uint8Array, salt: Uint8Array, binding: Uint8Array) {
  const prefix = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0')
  const info = Buffer.concat([prefix, salt, binding])
  const block = (before: Uint8Array, counter: number): Buffer =>
    createHmac('sha512', dataKey)
      .update(Buffer.concat([before, info, Uint8Array.of(counter)]))
      .digest()
  const first = block(new Uint8Array(0), 1)
  const bytes = Buffer.concat([first, block(first, 2)])
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32, 44), commitment: bytes.subarray(44, 76) }
}
type Derived = ReturnType<typeof derive>

const aes = ({ key }: Derived, block: Uint8Array): bigint =>
  toNumber(createCipheriv('aes-256-ecb', key, null).update(block))
const counter = ({ nonce }: Derived, count: number): Buffer => Buffer.concat([nonce, Uint8Array.of(0, 0, 0, count)])

/** Three blocks and a tag: under `a` they begin with the text, under `b` it stands in the second block. */
function doubleCiphertext(a: Derived, b: Derived, text: string): Buffer {
  const first = aes(a, counter(a, 2)) ^ toNumber(Buffer.from(text))
  const second = aes(b, counter(b, 3)) ^ toNumber(Buffer.from(text))
  const lengths = 3n * 128n
  const tagWithoutThird = (derived: Derived): bigint => {
    const h = aes(derived, Buffer.alloc(16))
    const hash = times(times(times(times(first, h) ^ second, h), h) ^ lengths, h)
    return hash ^ aes(derived, counter(derived, 1))
  }
  const weight = (derived: Derived): bigint => times(aes(derived, Buffer.alloc(16)), aes(derived, Buffer.alloc(16)))
  const third = divide(tagWithoutThird(a) ^ tagWithoutThird(b), weight(a) ^ weight(b))
  const tag = tagWithoutThird(a) ^ times(third, weight(a))
  return Buffer.concat([first, second, third, tag].map(toBlock))
}

function plainGcmOpen({ key, nonce }: Derived, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

it('a ciphertext that plain GCM opens under two keys opens for one recipient, and is refused before AES for the other', async () => {
  const encryptionContext = { app: 'test' }
  const place = { id: '1' }
  const recipients = [localKeyring(generateKey()), localKeyring(generateKey())] as const
  const dataKeys = [randomBytes(32), randomBytes(32)] as const
  const wrappedKeys = [
    ...(await recipients[0].wrapDataKey(dataKeys[0], encryptionContext)),
    ...(await recipients[1].wrapDataKey(dataKeys[1], encryptionContext)),
  ]
  const header = encodeHeader(wrappedKeys)
  const record = startRecord(header, 'bytes', 48)
  const binding = encodeBinding(record, encodeContext(place))
  const salt = randomBytes(24)
  const derived = [derive(dataKeys[0], salt, binding), derive(dataKeys[1], salt, binding)] as const
  const ciphertext = doubleCiphertext(derived[0], derived[1], 'pay 100 to: Ada!')
  expect(plainGcmOpen(derived[0], ciphertext).toString('latin1', 0, 16)).toBe('pay 100 to: Ada!')
  expect(plainGcmOpen(derived[1], ciphertext).toString('latin1', 16, 32)).toBe('pay 100 to: Ada!')

  for (const [own, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    record.set(Buffer.concat([salt, derived[own].commitment, ciphertext]), header.length)
    const envelopeOf = (recipient: 0 | 1) => createEnvelope({ keyring: recipients[recipient], encryptionContext })
    expect(await envelopeOf(own).open(record, place)).toHaveLength(48)
    const refusing = envelopeOf(other)
    deciphers.made = 0
    expect(await codeOf(() => refusing.open(record, place))).toBe('ERR_WAXSEAL_INTEGRITY')
    // That of the data key.
    expect(deciphers.made).toBe(1)
  }
})
