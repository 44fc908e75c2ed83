/** When a session ends: what its cookie says, the absolute end, and when a touch is worth a write. */
import { fakeClock } from '@waxseal/testing'
import { describe, expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

describe('the life that a cookie gives', () => {
  it.each([
    ['maxAge alone', { maxAge: 60_000 }, 60],
    ['originalMaxAge alone', { originalMaxAge: 60_000 }, 60],
    ['maxAge before originalMaxAge', { maxAge: 60_000, originalMaxAge: 90_000 }, 60],
    ['an endless maxAge', { maxAge: Number.POSITIVE_INFINITY, originalMaxAge: null }, 604_800],
    ['a maxAge beyond what a Date holds', { originalMaxAge: 1e16, expires: null }, 2_592_000],
    ['expires as a number', { expires: 1_800_000_060_000 }, 60],
    ['expires as a string', { expires: '2027-01-15T08:01:00.000Z' }, 60],
    ['expires before the epoch', { expires: new Date(-1) }, 0],
    ['a negative maxAge', { maxAge: -1e16 }, 0],
  ])('%s', async (_, cookie, seconds) => {
    const clock = fakeClock(1_800_000_000_000)
    const { store, rowOf } = setUp({ clock })
    await store.set('id', { cookie })
    expect((await rowOf('id')).expiresAt).toBe(clock.now() + seconds * 1000)
  })

  it.each([{ maxAge: 60_000 }, { originalMaxAge: 1e16 }, { expires: '2099-01-01T00:00:00.000Z' }])(
    'get shows when a session with %o ends',
    async (cookie) => {
      const { store, rowOf } = setUp()
      await store.set('id', { cookie })
      const { expiresAt } = await rowOf('id')
      expect(await store.get('id')).toMatchObject({ cookie: { expires: new Date(expiresAt).toISOString() } })
    },
  )

  it('all shows the same end as get, also after a touch', async () => {
    const { store, clock } = setUp({ ttlSeconds: 600 })
    const session = () => ({ cookie: { originalMaxAge: 600_000, expires: new Date(clock.now() + 600_000) } })
    await store.set('id', session())
    clock.advanceSeconds(500)
    await store.touch('id', session())
    const expires = new Date(clock.now() + 600_000).toISOString()
    expect(await store.get('id')).toMatchObject({ cookie: { expires } })
    expect(await store.all()).toMatchObject([{ cookie: { expires } }])
  })
})

describe('the absolute end', () => {
  it('holds whatever the row says', async () => {
    const { store, clock, tamper } = setUp({ maxLifetimeSeconds: 10 })
    const expires = new Date(clock.now() + 10_000).toISOString()
    await store.set('id', { cookie: { originalMaxAge: 5000, expires: null } })
    await tamper('id', { expiresAt: clock.now() + 1e9 })
    expect(await store.get('id')).toMatchObject({ cookie: { expires } })
    clock.advanceSeconds(10)
    expect(await store.get('id')).toBe(null)
  })

  it('an unloaded session over a row that has reached it starts a new life', async () => {
    const { store, clock, tamper } = setUp({ maxLifetimeSeconds: 10 })
    await store.set('id', { n: 0 })
    await tamper('id', { expiresAt: clock.now() + 1e9 })
    clock.advanceSeconds(10)
    await store.set('id', { n: 1 })
    expect(await store.get('id')).toEqual({ n: 1 })
  })
})

describe('a touch is due', () => {
  /** The time that must pass, to the millisecond, before a touch of a new session is written. */
  async function expectDueAfter(seconds: number, options: Parameters<typeof setUp>[0]) {
    const { store, table, clock } = setUp(options)
    const session = {}
    await store.set('id', session)
    clock.advanceSeconds(seconds - 0.001)
    await store.touch('id', session)
    expect(table.writes).toEqual(['insert'])
    clock.advanceSeconds(0.001)
    await store.touch('id', session)
    expect(table.writes).toEqual(['insert', 'extend'])
  }

  it.each([
    ['after a tenth of the idle life', 10, { ttlSeconds: 100 }],
    ['after an hour at most', 3600, { maxLifetimeSeconds: 700_000 }],
    ['after touchAfterSeconds', 20, { ttlSeconds: 100, touchAfterSeconds: 20 }],
    ['with touchAfterSeconds 0 as soon as the expiry has moved', 0.001, { touchAfterSeconds: 0 }],
    ['after half the idle life at the latest', 50, { ttlSeconds: 100, touchAfterSeconds: 3600 }],
  ])('%s', async (_, seconds, options) => expectDueAfter(seconds, options))

  it('at once where it reaches the absolute end', async () => {
    const { store, table, clock } = setUp({ ttlSeconds: 100, maxLifetimeSeconds: 101 })
    const session = {}
    await store.set('id', session)
    clock.advanceSeconds(1.5)
    await store.touch('id', session)
    expect(table.writes).toEqual(['insert', 'extend'])
  })

  it('once per interval for one object, by touch and by set', async () => {
    const { store, table, clock } = setUp({ ttlSeconds: 100 })
    await store.set('id', {})
    const loaded = await store.get('id')
    clock.advanceSeconds(20)
    await store.touch('id', loaded!)
    await store.touch('id', loaded!)
    await store.set('id', loaded!)
    expect(table.writes).toEqual(['insert', 'extend'])
  })

  it('again when the one before found no row', async () => {
    const { store, table, clock } = setUp({ ttlSeconds: 100 })
    await store.set('id', {})
    const loaded = await store.get('id')
    await store.destroy('id')
    clock.advanceSeconds(20)
    await store.touch('id', loaded!)
    await store.touch('id', loaded!)
    expect(table.writes).toEqual(['insert', 'extend', 'extend'])
  })

  it('often enough that a long touchAfterSeconds does not sign an active user out', async () => {
    const { store, clock } = setUp({ ttlSeconds: 600, touchAfterSeconds: 3600 })
    await store.set('id', { user: 'ada' })
    for (let request = 0; request < 5; request++) {
      clock.advanceSeconds(300)
      const session = await store.get('id')
      expect(session).toEqual({ user: 'ada' })
      await store.touch('id', session!)
    }
  })
})
