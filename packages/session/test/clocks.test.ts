/** Servers whose clocks are 10 minutes apart, and a clock that is moved by as much, share one table. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type FakeClock, fakeClock } from '@waxseal/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ObservedTable, setUp } from './support/stores.ts'

const TEN_MINUTES = 600
const HOUR = 3600
const options = { ttlSeconds: HOUR, maxLifetimeSeconds: 2 * HOUR }

/** Two servers on one table; the clock of the second is so many seconds ahead. */
function servers(ahead: number) {
  const table = new ObservedTable()
  const now = Date.now()
  const [first, second] = [fakeClock(now), fakeClock(now + ahead * 1000)]
  const pass = (seconds: number) => {
    for (const clock of [first, second]) clock.advanceSeconds(seconds)
  }
  const server = (clock: FakeClock) => ({ ...setUp({ ...options, clock }, table), clock })
  return { a: server(first), b: server(second), table, pass }
}

describe.each([TEN_MINUTES, -TEN_MINUTES])('of servers whose clocks are %i seconds apart', (ahead) => {
  it('both know a session that either of them keeps alive', async () => {
    const { a, b, pass } = servers(ahead)
    await a.store.set('id', { user: 'ada' })
    for (let request = 0; request < 8; request++) {
      const { store } = request % 2 === 0 ? b : a
      const session = await store.get('id')
      expect(session).toEqual({ user: 'ada' })
      await store.touch('id', session!)
      pass(TEN_MINUTES)
    }
  })

  it.each([
    ['no cookie', {}],
    ['a cookie that ends with the browser', { cookie: { originalMaxAge: null, expires: null } }],
    ['a cookie of an hour', { cookie: { originalMaxAge: HOUR * 1000, expires: null } }],
  ])('neither takes back what the other added to the life of a session with %s', async (_, session) => {
    const { a, b, table } = servers(ahead)
    /** A request that reads: the framework dates the cookie by its own clock, and touches. */
    const read = async ({ store, clock }: typeof a) => {
      const loaded = await store.get<{ cookie?: { originalMaxAge: number | null; expires: Date | null } }>('id')
      const life = loaded?.cookie?.originalMaxAge
      if (life) loaded.cookie!.expires = new Date(clock.now() + life)
      await store.touch('id', loaded!)
    }
    await a.store.set('id', session)
    for (const server of [b, a, b, a, b, a]) await read(server)
    const latest = Math.max(a.clock.now(), b.clock.now())
    expect((await a.rowOf('id')).expiresAt).toBe(latest + HOUR * 1000)
    expect(table.writes).toEqual(ahead > 0 ? ['insert', 'extend'] : ['insert'])
  })

  it('neither lets a session live beyond its absolute end by its own clock', async () => {
    const { a, b, pass } = servers(ahead)
    await a.store.set('id', { user: 'ada' })
    for (let minute = 0; minute < 120; minute += 7) {
      for (const { store } of [a, b]) {
        const session = await store.get('id')
        if (session !== null) await store.touch('id', session)
      }
      pass(7 * 60)
    }
    expect(await a.store.get('id')).toBe(null)
    pass(TEN_MINUTES)
    expect(await b.store.get('id')).toBe(null)
  })

  it('a logout at one is final at the other', async () => {
    const { a, b } = servers(ahead)
    await a.store.set('id', { user: 'ada' })
    const loaded = await b.store.get('id')
    await a.store.destroy('id')
    expect(await b.store.set('id', { ...loaded, user: 'eve' })).toBe(true)
    await a.store.destroy('id')
    Object.assign(loaded!, { user: 'eve' })
    expect(await b.store.set('id', loaded!)).toBe(false)
    await b.store.touch('id', loaded!)
    expect(await a.store.get('id')).toBe(null)
  })
})

describe('a clock that is moved while an operation is under way', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each([TEN_MINUTES, -TEN_MINUTES])('by %i seconds changes nothing about its time-out', async (seconds) => {
    const { store, table } = setUp({ timeoutMilliseconds: 100 })
    table.before = () => new Promise<never>(() => {})
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    const begun = performance.now()
    const first = store.get('a').catch(({ code }: { code: string }) => ({ code, after: performance.now() - begun }))
    await sleep(50)
    const second = store.get('b').catch(({ code }: { code: string }) => ({ code, after: performance.now() - begun }))
    vi.setSystemTime(Date.now() + seconds * 1000)
    const code = 'ERR_WAXSEAL_STORE_TIMEOUT'
    const ends = await Promise.race([Promise.all([first, second]), sleep(2000, 'hangs')])
    expect(ends).toMatchObject([{ code }, { code }])
    const [firstEnd, secondEnd] = (ends as { after: number }[]).map(({ after }) => after)
    expect(firstEnd).toBeGreaterThan(95)
    expect(secondEnd).toBeGreaterThan(145)
  })
})
