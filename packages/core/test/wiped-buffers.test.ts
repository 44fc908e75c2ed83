/** What the ciphers and hashes hand out: plaintext that did not verify, and keys, stay nowhere. */
import { type Cipher, createSecretKey, type Hmac, randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createEnvelope, generateKey, localKeyring } from '../src/index.ts'
import { CHUNK_BYTES, openPayload, SALT_BYTES, sealedLength, sealPayload } from '../src/payload.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const seen = vi.hoisted(() => ({
  deciphered: [] as Uint8Array[],
  sealed: [] as Uint8Array[],
  derived: [] as Uint8Array[],
  keys: [] as Uint8Array[],
}))
vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>()
  /** `object` with one method whose arguments and result are noted. */
  const watch = <T extends object>(
    object: T,
    method: keyof T & string,
    note: (input: unknown, output: unknown) => void,
  ) => {
    const original = (object[method] as (...args: unknown[]) => unknown).bind(object)
    return Object.assign(object, {
      [method]: (...args: unknown[]) => {
        const output = original(...args)
        note(args[0], output)
        return output
      },
    })
  }
  return {
    ...crypto,
    createCipheriv: (...args: Parameters<typeof crypto.createCipheriv>) =>
      watch(crypto.createCipheriv(...args) as Cipher, 'update', (input) => seen.sealed.push(input as Uint8Array)),
    createDecipheriv: (...args: Parameters<typeof crypto.createDecipheriv>) =>
      watch(crypto.createDecipheriv(...args), 'update', (_, output) => seen.deciphered.push(output as Uint8Array)),
    createHmac: (...args: Parameters<typeof crypto.createHmac>) =>
      watch(crypto.createHmac(...args) as Hmac, 'digest', (_, output) => {
        if (output instanceof Uint8Array) seen.derived.push(output)
      }),
    createSecretKey: (bytes: Uint8Array) => {
      seen.keys.push(bytes)
      return crypto.createSecretKey(bytes)
    },
  }
})
beforeEach(() => {
  for (const buffers of Object.values(seen)) buffers.length = 0
})

const isWiped = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
const key = createSecretKey(randomBytes(32))
const context = Buffer.from('context')

function seal(plaintext: Uint8Array): Uint8Array {
  const out = new Uint8Array(sealedLength(plaintext.length))
  out.set(randomBytes(SALT_BYTES))
  sealPayload(key, context, plaintext, out, 0)
  return out
}

describe('plaintext of a payload that does not verify', () => {
  it.each([
    ['its only chunk', 100, 0],
    ['the first of three chunks', 2 * CHUNK_BYTES + 100, 0],
    ['the last of three chunks', 2 * CHUNK_BYTES + 100, 2],
  ])('is overwritten: %s', (_, length, bent) => {
    const payload = seal(randomBytes(length))
    payload[56 + bent * (CHUNK_BYTES + 16) + 7]! ^= 1
    expect(codeOfSync(() => openPayload(key, context, payload))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(seen.deciphered).toHaveLength(bent + 1)
    expect(seen.deciphered.map(isWiped)).toEqual(seen.deciphered.map(() => true))
  })
})

describe('what an envelope leaves behind', () => {
  const place = { id: '1' }
  const newEnvelope = (keyring = localKeyring(generateKey())) =>
    createEnvelope({ keyring, encryptionContext: { app: 'test' } })

  it('is no derived key, whether a record opens or not', async () => {
    const keyring = localKeyring(generateKey())
    const [writer, reader] = [newEnvelope(keyring), newEnvelope(keyring)]
    seen.derived.length = 0
    const record = await writer.seal('x', place)
    await reader.open(record, place)
    expect(await codeOf(() => reader.open(record, { id: '2' }))).toBe('ERR_WAXSEAL_INTEGRITY')
    // Wrapping and sealing, unwrapping and opening, and opening in vain.
    expect(seen.derived).toHaveLength(5)
    expect(seen.derived.map(isWiped)).toEqual(seen.derived.map(() => true))
  })

  it('is no buffer that a key was made of, root keys and data keys alike', async () => {
    const keyring = localKeyring(generateKey())
    // Root keys, the new one and the one that was read. The keys of the self-test protect nothing.
    const rootKeys = seen.keys.splice(0)
    const [writer, reader] = [newEnvelope(keyring), newEnvelope(keyring)]
    seen.keys.length = 0
    await reader.open(await writer.seal('x', place), place)
    expect([rootKeys.length, seen.keys.length]).toEqual([2, 2])
    expect([...rootKeys, ...seen.keys].map(isWiped)).toEqual([true, true, true, true])
  })

  it('is no copy of a text or a JSON value that was sealed', async () => {
    const envelope = newEnvelope()
    const sealer = await envelope.prepare()
    seen.sealed.length = 0
    await envelope.seal('a secret', place)
    await envelope.sealJson({ a: 'secret' }, place)
    sealer.seal('a secret', place)
    sealer.sealJson({ a: 'secret' }, place)
    expect(seen.sealed).toHaveLength(4)
    expect(seen.sealed.map(isWiped)).toEqual([true, true, true, true])
  })

  it('is no copy of bytes that had to wait for a data key', async () => {
    const envelope = newEnvelope()
    const plaintext = Buffer.from('a secret')
    await envelope.seal(plaintext, place)
    const copy = seen.sealed.at(-1)!
    expect(copy).toHaveLength(plaintext.length)
    expect(isWiped(copy)).toBe(true)
    expect(plaintext.toString()).toBe('a secret')
  })
})
