import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { fakeClock } from '@waxseal/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEnvelope, generateKey, localKeyring, type RecordEvent, recordToText } from '../src/index.ts'
import { checkEncryptionSecret, decrypt, encrypt, generateEncryptionSecret } from '../src/version1/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'
const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'
const secret = 'the secret of the tests, of more than thirty-two characters'
const token = 'ya29.token \u{1f511}'

beforeEach(() => vi.stubEnv('ENCRYPTION_SECRET', secret))
afterEach(() => {
  vi.unstubAllEnvs()
  vi.doUnmock('node:crypto')
})

/** What an app had before there was a library. */
const old = {
  encrypt(plaintext: string | Buffer): string {
    const [salt, iv] = [randomBytes(16), randomBytes(12)]
    const cipher = createCipheriv('aes-256-gcm', scryptSync(secret, salt, 32), iv)
    const data = Buffer.concat([cipher.update(Buffer.from(plaintext as string)), cipher.final()])
    return Buffer.concat([salt, iv, cipher.getAuthTag(), data]).toString('base64')
  },
  decrypt(text: string): string {
    const bytes = Buffer.from(text, 'base64')
    const key = scryptSync(secret, bytes.subarray(0, 16), 32)
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(16, 28))
    decipher.setAuthTag(bytes.subarray(28, 44))
    return decipher.update(bytes.subarray(44), undefined, 'utf8') + decipher.final('utf8')
  },
}

describe('a value', () => {
  it('decrypts to what was encrypted', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.constant(''), fc.constant('\ufeff\0x'))
    await fc.assert(
      fc.asyncProperty(text, async (plaintext) => {
        const stored = await encrypt(plaintext)
        expect(Buffer.from(stored, 'base64')).toHaveLength(44 + Buffer.byteLength(plaintext))
        expect(await decrypt(stored)).toBe(plaintext)
      }),
      { numRuns: 10 },
    )
  })

  it('is read by old code, and old values by the new', async () => {
    expect(old.decrypt(await encrypt(token))).toBe(token)
    expect(await decrypt(old.encrypt(token))).toBe(token)
  })

  it('is read from the bytes of a bytea column', async () => {
    const bytes = new Uint8Array(Buffer.from(`-${await encrypt(token)}-`)).subarray(1, -1)
    expect(await decrypt(bytes)).toBe(token)
  })

  it('has a salt and an IV of its own', async () => {
    const [a, b] = (await Promise.all([encrypt(''), encrypt('')])).map((text) => Buffer.from(text, 'base64'))
    expect(a!.subarray(0, 16).equals(b!.subarray(0, 16))).toBe(false)
    expect(a!.subarray(16, 28).equals(b!.subarray(16, 28))).toBe(false)
  })

  it('holds 1 MiB and no byte more', async () => {
    const longest = 'x'.repeat(1_048_576 - 44)
    const stored = await encrypt(longest)
    expect(await decrypt(stored)).toBe(longest)
    expect(await codeOf(() => encrypt(`${longest}x`))).toBe('ERR_WAXSEAL_ARGUMENT')
    const longer = old.encrypt(`${longest}x`)
    // The last is more than a string of JavaScript can hold.
    for (const value of [longer, Buffer.from(longer), Buffer.alloc(2 ** 29)]) {
      expect(await codeOf(() => decrypt(value))).toBe(MALFORMED)
    }
  })
})

describe('refused is', () => {
  it('every changed byte, and another secret, as one error', async () => {
    const stored = Buffer.from(await encrypt('hi'), 'base64')
    const messages = new Set<string>()
    const refused = async (value: Buffer, options = {}) => {
      const error = await decrypt(value.toString('base64'), options).catch((reason) => reason)
      expect(error).toMatchObject({ code: INTEGRITY, retryable: false })
      expect(error.cause).toBe(undefined)
      messages.add(error.message)
    }
    await refused(stored, { secret: `${secret}.` })
    for (let at = 0; at < stored.length; at++) {
      const changed = Buffer.from(stored)
      changed[at]! ^= 1 << (at & 7)
      await refused(changed)
    }
    expect(messages.size).toBe(1)
  })

  it('every truncation', async () => {
    const stored = Buffer.from(await encrypt('hi'), 'base64')
    for (let length = 0; length < stored.length; length++) {
      const code = await codeOf(() => decrypt(stored.subarray(0, length).toString('base64')))
      expect(code).toBe(length < 44 ? MALFORMED : INTEGRITY)
    }
  })

  it('base64 that is bent', async () => {
    const stored = `${Buffer.alloc(45, 0xff).toString('base64')}/w==`
    for (const bent of [
      ...['', '=', `${stored}\n`, ` ${stored}`, `${stored}=`, stored.slice(0, -1), stored.slice(0, -2)],
      ...[stored.replaceAll('/', '_'), stored.replace('w=', 'x='), stored.replace('/', '*'), `${stored}${stored}`],
      ...[stored.replace('/', '\u{1f511}'), stored.replace('/', '\u012f'), `\ufeff${stored}`, `${stored}\0`],
    ]) {
      expect(await codeOf(() => decrypt(bent))).toBe(MALFORMED)
      expect(await codeOf(() => decrypt(Buffer.from(bent)))).toBe(MALFORMED)
    }
    expect(await codeOf(() => decrypt(stored))).toBe(INTEGRITY)
  })

  it('whatever else a column holds, by an error of ours', async () => {
    const junk = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 200 }))
    const codes = [MALFORMED, 'ERR_WAXSEAL_UNSUPPORTED_VERSION']
    await fc.assert(
      fc.asyncProperty(junk, async (stored) => {
        expect(codes).toContain(await codeOf(() => decrypt(stored)))
      }),
      { numRuns: 2000 },
    )
    await fc.assert(
      fc.asyncProperty(fc.base64String({ maxLength: 120 }), async (stored) => {
        expect(await codeOf(() => decrypt(stored))).toBe(
          Buffer.byteLength(stored, 'base64') < 44 ? MALFORMED : INTEGRITY,
        )
      }),
      { numRuns: 40 },
    )
  })

  it('a record of version 2, with a word for it', async () => {
    const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    const record = await envelope.seal(token, { id: '1' })
    for (const later of [record, recordToText(record), Buffer.from(recordToText(record)), 'ws3.x']) {
      expect(await codeOf(() => decrypt(later))).toBe('ERR_WAXSEAL_UNSUPPORTED_VERSION')
    }
  })

  it('a plaintext that is no UTF-8, although it verifies', async () => {
    const stored = old.encrypt(Buffer.of(0xff, 0xfe))
    expect(await codeOf(() => decrypt(stored))).toBe(MALFORMED)
  })

  it('what is no text', async () => {
    for (const value of [undefined, null, 5, {}, ['x']]) {
      expect(await codeOf(() => encrypt(value as unknown as string))).toBe('ERR_WAXSEAL_ARGUMENT')
      expect(await codeOf(() => decrypt(value as unknown as string))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
    expect(await codeOf(() => encrypt(Buffer.from('x') as unknown as string))).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(await codeOf(() => encrypt('\ud800'))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})

describe('the secret', () => {
  it('is looked for when it is needed', async () => {
    const stored = await encrypt(token)
    vi.stubEnv('ENCRYPTION_SECRET', generateEncryptionSecret())
    expect(await codeOf(() => decrypt(stored))).toBe(INTEGRITY)
    expect(await decrypt(stored, { secret })).toBe(token)
    expect(await decrypt(await encrypt(token))).toBe(token)
    expect(await codeOf(async () => decrypt(await encrypt(token, { secret })))).toBe(INTEGRITY)
  })

  it.each([undefined, '', 'x'.repeat(31)])(
    'that is missing or too short is found at start, and later: %j',
    async (bad) => {
      vi.stubEnv('ENCRYPTION_SECRET', bad)
      for (const call of [() => checkEncryptionSecret(), () => encrypt('x'), () => decrypt('x')]) {
        const error = await Promise.resolve()
          .then(call)
          .catch((reason) => reason)
        expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG' })
        expect(error.message).toContain('ENCRYPTION_SECRET')
        expect(error.message).not.toContain('xx')
      }
    },
  )

  it('that is given and not there is not replaced by that of the environment', async () => {
    const options = { secret: undefined }
    expect(codeOfSync(() => checkEncryptionSecret(options))).toBe('ERR_WAXSEAL_CONFIG')
    expect(await codeOf(() => encrypt('x', options))).toBe('ERR_WAXSEAL_CONFIG')
    expect(await codeOf(() => decrypt('x', options))).toBe('ERR_WAXSEAL_CONFIG')
  })

  it('of 32 characters will do, and new ones are longer and differ', () => {
    checkEncryptionSecret()
    checkEncryptionSecret({ secret: 'x'.repeat(32) })
    const made = Array.from({ length: 100 }, generateEncryptionSecret)
    for (const one of made) {
      expect(one).toMatch(/^[\w-]{43}$/)
      checkEncryptionSecret({ secret: one })
    }
    expect(new Set(made).size).toBe(100)
  })
})

describe('acceptUntil', () => {
  it('is the last instant, by the clock that is given', async () => {
    const clock = fakeClock()
    const acceptUntil = new Date(clock.now())
    const stored = await encrypt(token)
    expect(await decrypt(stored, { acceptUntil, clock })).toBe(token)
    clock.advanceSeconds(0.001)
    expect(await codeOf(() => decrypt(stored, { acceptUntil, clock }))).toBe('ERR_WAXSEAL_LEGACY_REFUSED')
    expect(await codeOf(() => decrypt(stored, { acceptUntil: new Date(0) }))).toBe('ERR_WAXSEAL_LEGACY_REFUSED')
    expect(await decrypt(stored, { clock })).toBe(token)
  })

  it('must be a date: an invalid one would never have passed', async () => {
    for (const acceptUntil of [new Date('soon'), '2027-01-01' as unknown as Date, 0 as unknown as Date]) {
      expect(await codeOf(() => decrypt('x', { acceptUntil }))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
  })
})

describe('scrypt', () => {
  /** The functions over a scrypt that is watched: how many run, and how many at once; `fails` makes the next ones fail. */
  async function watched() {
    const seen = { running: 0, most: 0, calls: 0, fails: 0 }
    vi.resetModules()
    vi.doMock('node:crypto', async (original) => {
      const crypto = await original<typeof import('node:crypto')>()
      type Done = (error: Error | null, key?: Buffer) => void
      const scrypt = (password: string, salt: Uint8Array, length: number, options: object, done: Done) => {
        seen.calls++
        seen.most = Math.max(seen.most, ++seen.running)
        crypto.scrypt(password, salt, length, options, (error, key) => {
          seen.running--
          if (seen.fails-- > 0) done(new Error('memory limit exceeded'))
          else done(error, key)
        })
      }
      return { ...crypto, scrypt }
    })
    return { seen, ...(await import('../src/version1/index.ts')) }
  }

  it('runs one at a time, for all callers', async () => {
    const { seen, encrypt, decrypt } = await watched()
    const stored = await Promise.all(Array.from({ length: 8 }, (_, i) => encrypt(String(i))))
    expect(await Promise.all(stored.map((text) => decrypt(text)))).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
    expect(seen).toMatchObject({ calls: 16, most: 1, running: 0 })
  })

  it('that fails is an error of its caller alone', async () => {
    const { seen, encrypt, decrypt } = await watched()
    seen.fails = 1
    const [first, second] = await Promise.allSettled([encrypt('a'), encrypt('b')])
    expect(first).toMatchObject({ reason: { code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', retryable: true } })
    expect(second.status === 'fulfilled' && (await decrypt(second.value))).toBe('b')
  })

  it('does not run for what is refused anyway', async () => {
    const { seen, decrypt } = await watched()
    const text = old.encrypt('x')
    for (const call of [
      () => decrypt(`${text}\n`),
      () => decrypt(text.slice(0, 40)),
      () => decrypt('ws2.AAAA'),
      () => decrypt(text, { acceptUntil: new Date(0) }),
      () => decrypt(text, { secret: 'short' }),
    ]) {
      await expect(call()).rejects.toMatchObject({ name: 'WaxsealError' })
    }
    expect(seen.calls).toBe(0)
  })
})

it('every call is told on the channels, as version 1', async () => {
  const events: RecordEvent[] = []
  const listen = (event: unknown) => void events.push(event as RecordEvent)
  const channels = ['waxseal:seal', 'waxseal:open'].map((name) => channel(name))
  for (const one of channels) one.subscribe(listen)
  try {
    const stored = await encrypt(token)
    await decrypt(stored)
    await decrypt(stored, { acceptUntil: new Date(0) }).catch(() => {})
    expect(events).toMatchObject([
      { type: 'seal', level: 'debug', version: 1, recordBytes: stored.length, cacheHit: false },
      { type: 'open', level: 'debug', version: 1, recordBytes: stored.length, cacheHit: false },
      { type: 'open', level: 'warn', version: 1, code: 'ERR_WAXSEAL_LEGACY_REFUSED' },
    ])
    expect(events[1]!.durationMilliseconds).toBeGreaterThan(1)
    await createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } }).seal('x', {
      id: '1',
    })
    expect(events.at(-1)).toMatchObject({ type: 'seal', version: 2 })
    for (const hidden of [token, secret, stored]) expect(JSON.stringify(events)).not.toContain(hidden)
  } finally {
    for (const one of channels) one.unsubscribe(listen)
  }
})
