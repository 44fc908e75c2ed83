import { createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  createEnvelope,
  generateKey,
  inspectRecord,
  localKeyring,
  WaxsealError,
  type WrappedKey,
} from '../src/index.ts'
import { codeOf } from './support/codes.ts'

const context = { id: '1' }
const envelopeOf = (keys: string, app = 'test') =>
  createEnvelope({ keyring: localKeyring(keys), encryptionContext: { app } })
const [first, second, third] = [generateKey(), generateKey(), generateKey()] as const

describe('WAXSEAL_KEYS', () => {
  it('is what generateKey makes', () => {
    expect(first).toMatch(/^[\w-]{11}:[\w-]{43}$/)
    expect(new Set([first, second, third]).size).toBe(3)
  })

  it('seals with the first key and opens with every one', async () => {
    const old = await envelopeOf(first).seal('old', context)
    const rotated = envelopeOf(`${second},${first}`)
    expect(await rotated.openText(old, context)).toBe('old')
    const fresh = await rotated.seal('new', context)
    expect(inspectRecord(fresh).wrappedKeys[0]?.kid).toBe(second.slice(0, 11))
    expect(await codeOf(() => envelopeOf(first).open(fresh, context))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
  })

  it('names a key in records by its fingerprint, whatever its id is', async () => {
    const bytes = randomBytes(32)
    const record = await envelopeOf(`main:${bytes.toString('base64url')}`).seal('', context)
    const fingerprint = createHmac('sha512', bytes).update('waxseal-kid-v2').digest().subarray(0, 8)
    expect(inspectRecord(record).wrappedKeys[0]?.kid).toBe(fingerprint.toString('base64url'))
    expect(Buffer.from(record).includes('main')).toBe(false)
  })

  it('costs at most 200 bytes over the plaintext', async () => {
    const record = await envelopeOf(first).seal(randomBytes(1024), context)
    expect(record.length - 1024).toBe(197)
  })

  const secret = randomBytes(32).toString('base64url')
  it.each([
    ['nothing', undefined, /is not set/],
    ['an empty value', '', /is not set/],
    ['no id', secret, /entry 1/],
    ['an empty id', `:${secret}`, /entry 1/],
    ['id and key swapped', `${secret}:main`, /entry 1/],
    ['a third part', `main:${secret}:x`, /entry 1/],
    ['an empty second entry', `main:${secret},`, /entry 2/],
    ['a short key', `a:${second.slice(12)},b:${secret.slice(0, 22)}`, /entry 2/],
    ['a long key', `main:${randomBytes(33).toString('base64url')}`, /entry 1/],
    ['padding', `main:${secret}=`, /entry 1/],
    ['a space', `main: ${secret}`, /entry 1/],
    ['a newline', `main:${secret}\n`, /entry 1/],
    ['the other alphabet', `main:+${secret.slice(1)}`, /entry 1/],
    ['the same id twice', `main:${secret},main:${second.slice(12)}`, /id in entry 2/],
    ['the same key twice', `main:${secret},other:${secret}`, /key in entry 2/],
  ])('refuses %s with a message that names variable and position, never the key', (_, value, message) => {
    try {
      localKeyring(value)
    } catch (error) {
      expect(error).toBeInstanceOf(WaxsealError)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
      expect((error as Error).message).toMatch(/WAXSEAL_KEYS/)
      expect((error as Error).message).toMatch(message)
      const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)
      for (const part of (value ?? '').split(/[:,=\s]/).filter((text) => text.length > 11))
        expect(shown).not.toContain(part)
      return
    }
    throw new Error('it was accepted')
  })
})

describe('a wrapped data key', () => {
  it('is bound to its encryption context', async () => {
    const record = await envelopeOf(first, 'shop').seal('x', context)
    expect(await codeOf(() => envelopeOf(first, 'other').open(record, context))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('is bound to its kid', async () => {
    const keyring = localKeyring(`${first},${second}`)
    const { wrappedKeys } = await keyring.generateDataKey({ app: 'test' })
    const [own] = wrappedKeys
    const renamed = { ...own!, kid: second.slice(0, 11) }
    expect(await codeOf(() => keyring.unwrapDataKey([renamed], { app: 'test' }))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('opens from the wrapped key that is ours, wherever it stands', async () => {
    const keyring = localKeyring(first)
    const { plaintextKey, wrappedKeys } = await keyring.generateDataKey({ app: 'test' })
    const foreign = { keyringId: 1, kid: 'eu-west-1:key', wrapped: randomBytes(184) }
    const { plaintextKey: opened } = await keyring.unwrapDataKey([foreign, ...wrappedKeys], { app: 'test' })
    expect(Buffer.compare(opened, plaintextKey)).toBe(0)
    expect(await codeOf(() => keyring.unwrapDataKey([foreign], { app: 'test' }))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
  })

  it('opens under the next of our keys when it does not under the first', async () => {
    const both = localKeyring(`${first},${second}`)
    const plaintextKey = randomBytes(32)
    const wrappedKeys: WrappedKey[] = []
    for (const key of [first, second]) {
      wrappedKeys.push(...(await localKeyring(key).wrapDataKey(plaintextKey, { app: 'test' })))
    }
    const bent = wrappedKeys.map((key) => ({ ...key, wrapped: Uint8Array.from(key.wrapped) }))
    bent[0]!.wrapped[100]! ^= 1
    const opened = await both.unwrapDataKey(bent, { app: 'test' })
    expect(Buffer.compare(opened.plaintextKey, plaintextKey)).toBe(0)
    expect(opened.wrappedKey).toBe(bent[1])
    bent[1]!.wrapped[100]! ^= 1
    expect(await codeOf(() => both.unwrapDataKey(bent, { app: 'test' }))).toBe('ERR_WAXSEAL_INTEGRITY')
  })

  it('shows no key when the keyring is inspected', () => {
    const keyring = localKeyring(first)
    const shown = inspect(keyring, { depth: 9, showHidden: true }) + JSON.stringify(keyring)
    expect(shown).not.toContain(first.slice(12))
    expect(shown).not.toContain(Buffer.from(first.slice(12), 'base64url').toString('hex'))
  })
})
