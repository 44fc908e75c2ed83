/** Logins that keep their session's data, and saves that race within one request. */
import { expect, it } from 'vitest'
import { type Framework, frameworks, type Route } from './apps.ts'
import { envelope, type SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse, turnstile } from './support.ts'

const read: Route = ({ session }) => session.user ?? null
const login: Route = ({ session }) => {
  session.user = 'ada'
}

export function loginCases(database: SuiteDatabase, { framework, start }: Framework): void {
  const open = async (routes: Record<string, Route>) => {
    const store = (await observe(database)).newStore()
    return { store, browser: await browse(start, store, { '/read': read, '/login': login, ...routes }) }
  }

  it('signs in, reads, changes and signs out; the old cookie is worth nothing', async () => {
    const store = (await database.newTable()).newStore({ envelope })
    const browser = await browse(start, store, {
      '/read': read,
      '/login': async (visit) => {
        await visit.regenerate()
        visit.session.user = 'ada'
      },
      '/rename': ({ session }) => {
        session.user = 'grace'
      },
      '/logout': (visit) => visit.destroy(),
    })
    expect((await browser.get('/read')).body).toBe(null)
    expect(await store.length()).toBe(0)
    await browser.get('/login')
    expect((await browser.get('/read')).body).toBe('ada')
    await browser.get('/rename')
    expect((await browser.get('/read')).body).toBe('grace')
    expect(await store.length()).toBe(1)
    const stolen = browser.newTab()
    expect((await browser.get('/logout')).status).toBe(200)
    expect(await store.length()).toBe(0)
    expect((await stolen.get('/read')).body).toBe(null)
  })

  it('data copied into a regenerated session stays, under a new id', async () => {
    const { browser } = await open({
      '/cart': ({ session }) => {
        session.cart = ['book']
      },
      '/step-up': async (visit) => {
        // By name, as passport does; a spread would also copy the symbols in which Fastify keeps the old id.
        const before = visit.session
        const oldId = visit.id
        await visit.regenerate()
        for (const name of Object.keys(before)) if (name !== 'cookie') visit.session[name] = before[name]
        visit.session.user = 'ada'
        return oldId !== visit.id
      },
      '/cart-now': ({ session }) => ({ user: session.user, cart: session.cart }),
    })
    await browser.get('/cart')
    const old = browser.cookie
    expect(await browser.get('/step-up')).toMatchObject({ status: 200, body: true })
    expect((await browser.get('/cart-now')).body).toEqual({ user: 'ada', cart: ['book'] })
    browser.cookie = old
    expect((await browser.get('/cart-now')).body).toEqual({})
  })

  it('two saves that nobody awaits both arrive, the later one last', async () => {
    const { browser } = await open({
      '/twice': async ({ session, save }) => {
        session.user = 'first'
        const one = save()
        session.user = 'second'
        const two = save()
        await Promise.all([one, two])
      },
    })
    expect((await browser.get('/twice')).status).toBe(200)
    expect((await browser.get('/read')).body).toBe('second')
    expect((await browser.get('/twice')).status).toBe(200)
    expect((await browser.get('/read')).body).toBe('second')
  })

  it('a save that nobody awaits, then destroy: no session is left', async () => {
    const { browser, store } = await open({
      '/save-and-leave': async (visit) => {
        visit.session.user = 'ada'
        void visit.save()
        await visit.destroy()
      },
    })
    await browser.get('/login')
    await browser.get('/save-and-leave')
    expect((await browser.get('/read')).body).toBe(null)
    expect(await store.length()).toBe(0)
  })

  it('reload brings what another request stored, and a later write goes on from there', async () => {
    const gate = turnstile()
    const { browser } = await open({
      '/slow': async (visit) => {
        await gate.wait()
        await visit.reload()
        visit.session.seen = visit.session.user
      },
      '/rename': ({ session }) => {
        session.user = 'grace'
      },
      '/seen': ({ session }) => session.seen ?? null,
    })
    await browser.get('/login')
    const slow = browser.get('/slow')
    await gate.arrived
    await browser.newTab().get('/rename')
    gate.leave()
    expect((await slow).status).toBe(200)
    expect((await browser.get('/seen')).body).toBe('grace')
  })

  it(`sessions written under the other framework open under ${framework}`, async () => {
    const table = await observe(database)
    for (const other of frameworks.filter((each) => each.framework !== framework)) {
      const visitor = await browse(other.start, table.newStore(), { '/login': login }, { maxAge: 3_600_000 })
      await visitor.get('/login')
      const browser = await browse(start, table.newStore(), { '/read': read })
      browser.cookie = visitor.cookie
      expect((await browser.get('/read')).body).toBe('ada')
    }
  })
}
