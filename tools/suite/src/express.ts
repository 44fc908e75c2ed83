/** What concerns express-session alone. */
import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { type Route, startExpress } from './apps.ts'
import { envelope, type SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { startPassport } from './passport-app.ts'
import { browse } from './support.ts'
import { uncaughtDuring } from './uncaught.ts'

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/write': ({ session }) => {
    session.user = 'ada'
  },
}

export function expressCases(database: SuiteDatabase): void {
  it('trap 1: the store is an EventEmitter, and Express may assign generate to it', async () => {
    const store = (await database.newTable()).newStore({ envelope })
    expect(store).toBeInstanceOf(EventEmitter)
    await browse(startExpress, store, routes)
    expect(store.generate).toBeTypeOf('function')
  })

  it('trap 1: load gives a Session object of a stored session, and nothing for a missing one', async () => {
    const store = (await observe(database)).newStore()
    let id = ''
    const browser = await browse(startExpress, store, {
      '/write': (visit) => {
        id = visit.id
        visit.session.user = 'ada'
      },
    })
    await browser.get('/write')
    const load = (sessionId: string) =>
      new Promise<{ user: string; save: unknown; id: string } | undefined>((resolve, reject) =>
        store.load<{ user: string; save: unknown; id: string }>(sessionId, (error, session) =>
          error ? reject(error) : resolve(session),
        ),
      )
    const loaded = await load(id)
    expect(loaded).toMatchObject({ user: 'ada', id })
    expect(loaded?.save).toBeTypeOf('function')
    expect(await load('nobody')).toBe(undefined)
  })

  it('trap 1: a genid that reads the request sees the real one, also when the first request brings a cookie', async () => {
    const table = await observe(database)
    const browser = await browse(startExpress, table.newStore(), routes)
    await browser.get('/write')
    const seen: unknown[] = []
    const genid = (request: { url: string }) => {
      seen.push(request.url)
      return `id-${seen.length}`
    }
    const restarted = await browse(startExpress, table.newStore(), routes, { framework: { genid } })
    restarted.cookie = browser.cookie
    expect(await restarted.get('/read')).toMatchObject({ status: 200, body: 'ada' })
    expect(seen).toEqual(['/read'])
  })

  it('trap 3: Express destroys without a callback: a failure ends nothing, and is an event', async () => {
    const table = await observe(database)
    const store = table.newStore()
    const browser = await browse(startExpress, store, {
      ...routes,
      '/leave': ({ session }) => {
        ;(session as { destroy(): void }).destroy()
      },
    })
    await browser.get('/write')
    table.goDown('delete')
    const failed = new Promise((resolve) => store.once('failed', resolve))
    const uncaught = await uncaughtDuring(async () => {
      expect((await browser.get('/leave')).status).toBe(200)
      expect(await failed).toMatchObject({ operation: 'destroy' })
    })
    expect(uncaught).toEqual([])
  })

  it('passport’s login with keepSessionInfo: right user, data kept, old id dead', async () => {
    const browser = await startPassport((await observe(database)).newStore())
    await browser.get('/cart')
    const old = browser.cookie
    expect(await browser.get('/login')).toMatchObject({ status: 200 })
    expect(browser.cookie).not.toBe(old)
    expect((await browser.get('/me')).body).toEqual({ user: { name: 'ada' }, cart: ['book'] })
    browser.cookie = old
    expect((await browser.get('/me')).body).toEqual({})
  })
}
