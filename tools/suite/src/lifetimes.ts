/** The absolute end of a session, which is sealed inside its record. */
import type { SessionTable } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { expect, it } from 'vitest'
import type { Framework } from './apps.ts'
import { envelope, type SuiteDatabase } from './database.ts'
import { browse, eventsOf, movableDate, sessionOf } from './support.ts'
import { rowOf, tamper } from './tampering.ts'

const YEAR_SECONDS = 31_536_000

/** In DynamoDB that moves `ttl` as well: the one follows from the other. */
async function setExpiryToNextYear(port: SessionTable, sessionId: string, now: number) {
  await tamper(port, await rowOf(port, sessionId), { expiresAt: now + YEAR_SECONDS * 1000 })
}

export function lifetimeCases(database: SuiteDatabase, { start }: Framework): void {
  it.each([
    ['that ends with the browser', {}],
    ['with a maxAge of a year', { maxAge: YEAR_SECONDS * 1000, rolling: true }],
  ])('a table writer who sets the expiry to next year prolongs no session %s', async (_, options) => {
    const date = movableDate()
    const { port, newStore } = await database.newTable()
    const store = newStore({ envelope, ttlSeconds: 3600, maxLifetimeSeconds: 7200, touchAfterSeconds: 0 })
    const expired = eventsOf(store, 'expired')
    let id = ''
    const browser = await browse(
      start,
      store,
      {
        '/login': (visit) => {
          id = visit.id
          visit.session.user = 'ada'
        },
        '/read': ({ session }) => session.user ?? null,
        '/count': ({ session }) => {
          session.count = ((session.count as number | undefined) ?? 0) + 1
        },
      },
      options,
    )
    await browser.get('/login')
    for (let elapsed = 1800; elapsed < 7200; elapsed += 1800) {
      await setExpiryToNextYear(port, id, Date.now())
      date.advanceSeconds(1800)
      expect((await browser.get('/read')).body).toBe('ada')
      await browser.get('/count')
    }
    await setExpiryToNextYear(port, id, Date.now())
    date.advanceSeconds(1799)
    expect((await browser.get('/read')).body).toBe('ada')
    date.advanceSeconds(1)
    expect((await browser.get('/read')).body).toBe(null)
    expect(expired).not.toEqual([])
  })
}

export function storeLifetimeCases(database: SuiteDatabase): void {
  it('who sets the expiry to next year cannot make a session outlive its absolute lifetime', async () => {
    const clock = fakeClock()
    const { port, newStore } = await database.newTable()
    const store = newStore({ envelope, clock, ttlSeconds: 3600, maxLifetimeSeconds: 7200 })
    const events = eventsOf(store, 'unreadable', 'expired', 'failed')
    await store.set('id', sessionOf('ada'))
    await setExpiryToNextYear(port, 'id', clock.now())
    clock.advanceSeconds(7199)
    const loaded = await store.get('id')
    expect(loaded).toMatchObject({ user: 'ada' })
    await store.touch('id', loaded!)
    await store.set('id', { ...loaded, user: 'grace' })
    expect((await rowOf(port, 'id')).expiresAt).toBe(clock.now() + 1000)
    await setExpiryToNextYear(port, 'id', clock.now())
    clock.advanceSeconds(2)
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'expired' }])
    expect(await store.all()).toEqual([])
  })

  it.each([
    ['the default life', {}, undefined, 604_800],
    ['ttlSeconds', { ttlSeconds: 60 }, undefined, 60],
    ['a cookie of an hour', {}, 3600, 3600],
    ['a cookie longer than the absolute life', { maxLifetimeSeconds: 1800 }, 3600, 1800],
    ['the default life cut by the absolute one', { maxLifetimeSeconds: 1800 }, undefined, 1800],
  ])('idle expiry: %s', async (_, options, cookieSeconds, expectedSeconds) => {
    const clock = fakeClock()
    const store = (await database.newTable()).newStore({ envelope, clock, ...options })
    const cookie =
      cookieSeconds === undefined
        ? { originalMaxAge: null, expires: null }
        : { originalMaxAge: cookieSeconds * 1000, expires: new Date(clock.now() + cookieSeconds * 1000) }
    await store.set('id', sessionOf('ada', cookie))
    clock.advanceSeconds(expectedSeconds - 0.001)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    clock.advanceSeconds(0.001)
    expect(await store.get('id')).toBe(null)
  })

  it('an active user signs in again when the absolute life ends, whatever touch and set do', async () => {
    const clock = fakeClock()
    const store = (await database.newTable()).newStore({ envelope, clock, ttlSeconds: 100, maxLifetimeSeconds: 350 })
    await store.set('id', sessionOf('ada'))
    for (let elapsed = 50; elapsed < 350; elapsed += 50) {
      clock.advanceSeconds(50)
      const loaded = await store.get('id')
      expect(loaded).toMatchObject({ user: 'ada' })
      if (elapsed % 100 === 0) await store.touch('id', loaded!)
      else await store.set('id', { ...loaded, elapsed })
    }
    clock.advanceSeconds(50)
    expect(await store.get('id')).toBe(null)
  })

  it('a clock that jumps ten minutes back loses nothing', async () => {
    const clock = fakeClock()
    const store = (await database.newTable()).newStore({ envelope, clock, ttlSeconds: 3600 })
    await store.set('id', sessionOf('ada'))
    clock.setNow(clock.now() - 600_000)
    const loaded = await store.get<{ user: string }>('id')
    loaded!.user = 'grace'
    expect(await store.set('id', loaded!)).toBe(true)
    await store.touch('id', loaded!)
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
  })
}
