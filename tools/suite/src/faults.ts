/** What a database behind a network does to a store and to requests: it is slow, silent, refuses, cuts its answers. */
import { type FaultMode, type FaultProxy, startFaultProxy } from '@waxseal/engines'
import type { SessionStore } from '@waxseal/session'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Framework, frameworks, type Route } from './apps.ts'
import { envelope, type RemoteDatabase } from './database.ts'
import { browse, outcome, sessionOf } from './support.ts'

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/login': ({ session }) => {
    session.user = 'ada'
  },
}

/** A proxy before the database, and stores on one new table behind it. */
export async function behindProxy(
  database: RemoteDatabase,
): Promise<{ proxy: FaultProxy; newStore: (timeoutMilliseconds?: number) => SessionStore }> {
  const proxy = await startFaultProxy(database.address)
  const table = await database.newTableAt(proxy.endpoint)
  // Before the connections are closed, which a pool does only once they have answered.
  onTestFinished(() => proxy.stop())
  return { proxy, newStore: (timeoutMilliseconds = 5000) => table.newStore({ envelope, timeoutMilliseconds }) }
}

/** Registers what breaks between store and database, for the store alone and for requests of both frameworks. */
export function faultSuite(database: RemoteDatabase): void {
  describe(`faults of ${database.name}`, () => {
    storeCases(database)
    for (const framework of frameworks) {
      describe(`under ${framework.framework}`, () => requestCases(database, framework))
    }
  })
}

function storeCases(database: RemoteDatabase): void {
  it('accepting and silent: every operation ends at its own time-out, over all retries', async () => {
    const { proxy, newStore } = await behindProxy(database)
    const [patient, store] = [newStore(), newStore(400)]
    await patient.set('id', sessionOf('ada'))
    const loaded = await patient.get<{ user: string }>('id')
    await proxy.setMode('blackhole')
    const operations: (() => Promise<unknown>)[] = [
      () => store.get('id'),
      () => store.set('id', { ...loaded, user: 'grace' }),
      () => store.set('new', sessionOf('eve')),
      () => store.touch('id', sessionOf('ada')),
      () => store.destroy('other'),
      () => store.all(),
      () => store.length(),
      () => store.clear(),
    ]
    for (const operation of operations) {
      const { error, milliseconds } = await outcome(operation)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT', retryable: true })
      expect(milliseconds).toBeGreaterThan(395)
      expect(milliseconds).toBeLessThan(1500)
    }
    await proxy.setMode('pass')
    expect(await patient.get('id')).toMatchObject({ user: 'ada' })
  })

  it.each<FaultMode>(['refuse', 'cut'])('%s: ERR_WAXSEAL_STORE_UNAVAILABLE, never "no session"', async (mode) => {
    const { proxy, newStore } = await behindProxy(database)
    const store = newStore()
    await store.set('id', sessionOf('ada'))
    await proxy.setMode(mode)
    for (const operation of [() => store.get('id'), () => store.set('new', sessionOf('eve'))]) {
      const { error } = await outcome(operation)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
      // The AWS SDK hangs the whole exchange on its error, request headers with session token included.
      expect((error as Error).cause).not.toHaveProperty('$response')
    }
    await proxy.setMode('pass')
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
  })

  it('slow, but within the time-out: everything as ever', async () => {
    const { proxy, newStore } = await behindProxy(database)
    const store = newStore()
    await store.set('id', sessionOf('ada'))
    await proxy.setMode('delay', 50)
    const { error, milliseconds } = await outcome(async () => {
      const loaded = await store.get<{ user: string }>('id')
      expect(await store.set('id', Object.assign(loaded ?? {}, { user: 'grace' }))).toBe(true)
      expect(await store.get('id')).toMatchObject({ user: 'grace' })
      await store.destroy('id')
      expect(await store.get('id')).toBe(null)
    })
    expect(error).toBe(undefined)
    expect(milliseconds).toBeGreaterThan(5 * 45)
  })
}

function requestCases(database: RemoteDatabase, { start }: Framework): void {
  it.each<[FaultMode, string]>([
    ['blackhole', 'ERR_WAXSEAL_STORE_TIMEOUT'],
    ['refuse', 'ERR_WAXSEAL_STORE_UNAVAILABLE'],
    ['cut', 'ERR_WAXSEAL_STORE_UNAVAILABLE'],
  ])('trap 9: a database that does “%s” is an error of the request, and signs nobody out', async (mode, code) => {
    const { proxy, newStore } = await behindProxy(database)
    const browser = await browse(start, newStore(), routes)
    await browser.get('/login')
    const impatient = await browse(start, newStore(300), routes)
    impatient.cookie = browser.cookie
    await proxy.setMode(mode)
    const failing = mode === 'blackhole' ? impatient : browser
    expect(await failing.get('/read')).toMatchObject({ status: 500, body: { code } })
    await proxy.setMode('pass')
    expect(await browser.get('/read')).toMatchObject({ status: 200, body: 'ada' })
  })

  it('trap 6: a driver’s ENOENT is an error of the request, and signs nobody out', async () => {
    const missing = Object.assign(new Error('connect ENOENT /run/database.sock'), { code: 'ENOENT' })
    const store = database.failingTable(missing).newStore({ envelope })
    const browser = await browse(start, store, routes)
    const working = await browse(start, (await database.newTable()).newStore({ envelope }), routes)
    await working.get('/login')
    browser.cookie = working.cookie
    const body = { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' }
    expect(await browser.get('/read')).toMatchObject({ status: 500, body })
    await expect(store.get('id')).rejects.toMatchObject(body)
  })
}
