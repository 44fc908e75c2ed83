import { inspect } from 'node:util'
import { createEnvelope, generateKey, localKeyring, WaxsealError } from '@waxseal/core'
import { fakeClock } from '@waxseal/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemorySessionStore, MemoryTable, SessionStore } from '../src/index.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })

const taken = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...['id', 'req', 'touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate', 'cookie', '__waxseal'],
  ...['sessionId', 'encryptedSessionId', 'options', 'get', 'set', 'isModified', 'isSaved'],
])
const sessions = fc.dictionary(
  fc.string().filter((name) => !taken.has(name)),
  fc.jsonValue(),
)

describe('what goes in comes out', () => {
  it('any session that JSON can express', async () => {
    const store = new MemorySessionStore({ envelope })
    await fc.assert(
      fc.asyncProperty(fc.uuid(), sessions, async (id, session) => {
        await store.set(id, session)
        expect(await store.get(id)).toEqual(JSON.parse(JSON.stringify(session)))
      }),
    )
  })

  it('any change of a loaded session, and nothing but the change', async () => {
    const store = new MemorySessionStore({ envelope })
    await fc.assert(
      fc.asyncProperty(fc.uuid(), sessions, sessions, async (id, before, change) => {
        await store.set(id, before)
        const loaded = await store.get(id)
        Object.assign(loaded!, change)
        await store.set(id, loaded!)
        expect(await store.get(id)).toEqual(JSON.parse(JSON.stringify({ ...before, ...change })))
      }),
    )
  })
})

describe('expiry', () => {
  it('a session is there exactly while its idle and its absolute life last', async () => {
    const seconds = fc.integer({ min: 1, max: 100_000 })
    await fc.assert(
      fc.asyncProperty(seconds, seconds, seconds, async (ttlSeconds, maxLifetimeSeconds, elapsed) => {
        const clock = fakeClock()
        const store = new MemorySessionStore({ envelope, clock, ttlSeconds, maxLifetimeSeconds })
        await store.set('id', { user: 'ada' })
        clock.advanceSeconds(elapsed)
        const alive = elapsed < Math.min(ttlSeconds, maxLifetimeSeconds)
        expect((await store.get('id')) !== null).toBe(alive)
        expect(await store.length()).toBe(alive ? 1 : 0)
      }),
    )
  })

  it('reading every few minutes keeps a session alive, and writes at most once per touch interval', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), async (stepSeconds) => {
        const clock = fakeClock()
        const table = new MemoryTable()
        let writes = 0
        const extend = table.extend.bind(table)
        table.extend = (...rest) => {
          writes++
          return extend(...rest)
        }
        const store = new SessionStore(table, { envelope, clock, ttlSeconds: 600, maxLifetimeSeconds: 1e6 })
        await store.set('id', { user: 'ada' })
        for (let elapsed = 0; elapsed < 3000; elapsed += stepSeconds) {
          clock.advanceSeconds(stepSeconds)
          const session = await store.get('id')
          expect(session).not.toBe(null)
          await store.touch('id', session!)
        }
        expect(writes).toBeGreaterThan(0)
        expect(writes).toBeLessThanOrEqual(3050 / 60)
      }),
      { numRuns: 10 },
    )
  })
})

describe('secrets', () => {
  const secret = 'tok_5f3c9a-secret-of-the-session'

  it('no error, event or inspection of the store shows an id or what a session holds', async () => {
    const store = new MemorySessionStore({ envelope })
    const shown: unknown[] = [store, envelope]
    for (const type of ['expired', 'unreadable', 'refused', 'overwritten', 'touch-failed', 'failed']) {
      store.on(type, (event) => shown.push(event))
    }
    const id = 'sid_2b8e-secret-id'
    const cyclic: Record<string, unknown> = { token: secret }
    cyclic[secret.slice(4)] = cyclic
    const attempts: (() => Promise<unknown>)[] = [
      () => store.set(id, cyclic),
      () => store.set(id, { token: secret, n: 1n }),
      () => store.set(id, { token: secret, save: secret }),
      () => store.set(id, { token: secret, cookie: { expires: secret } }),
      () => store.set(id, { token: secret, data: 'x'.repeat(2_000_000) }),
      () => store.set(id, null as never),
      () => store.get(`${id}\ud800`),
      () => store.touch(id, { token: secret, cookie: { expires: secret } }),
    ]
    await store.set(id, { token: secret })
    for (const attempt of attempts) shown.push(await attempt().catch((error: unknown) => error))
    const loaded = await store.get(id)
    await store.destroy(id)
    await store.set(id, { ...loaded, more: 1 })
    const text = shown
      .flatMap((value) => [
        inspect(value, { depth: 9, showHidden: true }),
        JSON.stringify(value),
        String(value),
        value instanceof Error ? `${value.message} ${value.stack}` : '',
      ])
      .join('\n')
    const codes = shown.filter((value) => value instanceof WaxsealError).map(({ code }) => code)
    const invalid = 'ERR_WAXSEAL_SESSION_INVALID'
    expect(codes).toEqual([...Array(4).fill(invalid), 'ERR_WAXSEAL_SESSION_TOO_LARGE', ...Array(3).fill(invalid)])
    expect(text).not.toContain(secret.slice(4))
    expect(text).not.toContain(id)
  })
})
