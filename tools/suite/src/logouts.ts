/** Logouts that must stay final, answers that must arrive whole, and a database that is down for a moment. */
import { expect, it } from 'vitest'
import type { Framework, Route } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse, eventsOf, turnstile } from './support.ts'

const MEGABYTES_8 = 8 * 1024 * 1024

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/login': ({ session }) => {
    session.user = 'ada'
  },
  '/logout': (visit) => visit.destroy(),
}

export function logoutCases(database: SuiteDatabase, { start }: Framework): void {
  it('a logout during a slow request stays final, and the slow answer is whole', async () => {
    const gate = turnstile()
    const store = (await observe(database)).newStore()
    const refused = eventsOf(store, 'refused')
    const browser = await browse(start, store, {
      ...routes,
      '/slow': async ({ session }) => {
        await gate.wait()
        session.user = 'back again'
        return { done: true }
      },
    })
    await browser.get('/login')
    const slow = browser.newTab().get('/slow')
    await gate.arrived
    await browser.newTab().get('/logout')
    gate.leave()
    expect(await slow).toMatchObject({ status: 200, body: { done: true } })
    expect((await browser.get('/read')).body).toBe(null)
    expect(await store.length()).toBe(0)
    expect(refused).toMatchObject([{ type: 'refused', operation: 'set' }])
  })

  it('under lastWriteWins the last write wins on a session that is still there, and is counted', async () => {
    const gate = turnstile()
    const store = (await observe(database)).newStore({ conflict: 'lastWriteWins' })
    const overwritten = eventsOf(store, 'overwritten')
    const browser = await browse(start, store, {
      ...routes,
      '/slow': async ({ session }) => {
        await gate.wait()
        session.user = 'slow'
      },
      '/fast': ({ session }) => {
        session.user = 'fast'
      },
    })
    await browser.get('/login')
    const slow = browser.newTab().get('/slow')
    await gate.arrived
    await browser.newTab().get('/fast')
    gate.leave()
    await slow
    expect((await browser.get('/read')).body).toBe('slow')
    expect(overwritten).toHaveLength(1)
  })

  it('trap 4: 8 MB to a slow client arrive whole while the save at the end is refused', async () => {
    const gate = turnstile()
    const store = (await observe(database)).newStore()
    const refused = eventsOf(store, 'refused')
    const browser = await browse(start, store, {
      ...routes,
      '/big': async ({ session }) => {
        session.download = Date.now()
        await gate.wait()
        return Buffer.alloc(MEGABYTES_8, 'x')
      },
    })
    await browser.get('/login')
    const big = browser.readSlowly('/big')
    await gate.arrived
    await browser.newTab().get('/logout')
    gate.leave()
    expect(await big).toEqual({ bytes: MEGABYTES_8, complete: true })
    expect(refused).toHaveLength(1)
  })

  it('trap 4: 8 MB arrive whole while the database is down for the touch at the end', async () => {
    const table = await observe(database)
    const store = table.newStore({ touchAfterSeconds: 0 })
    const failed = eventsOf(store, 'touch-failed')
    const browser = await browse(start, store, { ...routes, '/big': () => Buffer.alloc(MEGABYTES_8, 'x') })
    await browser.get('/login')
    table.goDown('extend')
    expect(await browser.readSlowly('/big')).toEqual({ bytes: MEGABYTES_8, complete: true })
    expect(failed).toHaveLength(1)
  })

  it('a database that is down is an error of the request, not a signed-out user', async () => {
    const table = await observe(database)
    const browser = await browse(start, table.newStore(), routes)
    await browser.get('/login')
    table.goDown()
    expect((await browser.get('/read')).status).toBe(500)
    table.comeBack()
    expect((await browser.get('/read')).body).toBe('ada')
  })
}
