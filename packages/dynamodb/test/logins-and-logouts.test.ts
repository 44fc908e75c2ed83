/** Logins that keep their session's data, saves that race, and logouts that must stay final, under both frameworks. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { SessionStore } from '@waxseal/session'
import { Browser, COOKIE_NAME, frameworks, type Route, SECRET, type TestApp } from '@waxseal/suite'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { afterEach, describe, expect, it } from 'vitest'
import { engines, type ObservedTable, storeOn } from './support/stores.ts'

const apps: TestApp[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

/** Two doors that a test opens: the route waits inside, so that another request can come between. */
function turnstile() {
  let arrive = () => {}
  let leave = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const wait = () => {
    arrive()
    return left
  }
  return { arrived, leave, wait }
}

const read: Route = ({ session }) => session.user ?? null
const login: Route = ({ session }) => {
  session.user = 'ada'
}

/** Asks for `path` and reads the answer slowly; gives the bytes that arrived and whether the answer was complete. */
async function readSlowly(url: string, path: string, cookie: string | undefined) {
  const request = httpRequest(url + path, { headers: { cookie: cookie ?? '' } }).end()
  const [response] = await once(request, 'response')
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    response.pause()
    setTimeout(() => response.resume(), 2)
  })
  await Promise.race([once(response, 'end'), once(response, 'close')])
  return { bytes, complete: response.complete as boolean }
}

describe.each(engines)('on $engine', ({ newTable }) => {
  describe.each(frameworks)('under $framework', ({ framework, start }) => {
    async function open(routes: Record<string, Route>, table?: ObservedTable) {
      const observed = table ?? (await newTable())
      const store = storeOn(observed)
      const refused: unknown[] = []
      store.on('refused', (event) => refused.push(event))
      const app = await start(store, { '/read': read, '/login': login, ...routes })
      apps.push(app)
      return { table: observed, store, app, refused, browser: new Browser(app) }
    }

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
      const { browser, app } = await open({
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
      await new Browser(app, browser.cookie).get('/rename')
      gate.leave()
      expect((await slow).status).toBe(200)
      expect((await browser.get('/seen')).body).toBe('grace')
    })

    it('a logout during a slow request stays final, and the slow answer is whole', async () => {
      const gate = turnstile()
      const { browser, app, refused, store } = await open({
        '/slow': async ({ session }) => {
          await gate.wait()
          session.user = 'back again'
          return { done: true }
        },
        '/logout': (visit) => visit.destroy(),
      })
      await browser.get('/login')
      const slow = new Browser(app, browser.cookie).get('/slow')
      await gate.arrived
      await new Browser(app, browser.cookie).get('/logout')
      gate.leave()
      expect(await slow).toMatchObject({ status: 200, body: { done: true } })
      expect((await browser.get('/read')).body).toBe(null)
      expect(await store.length()).toBe(0)
      expect(refused).toMatchObject([{ type: 'refused', operation: 'set' }])
    })

    it('the last write wins on a session that is still there, and is counted', async () => {
      const gate = turnstile()
      const { browser, app, store } = await open({
        '/slow': async ({ session }) => {
          await gate.wait()
          session.user = 'slow'
        },
        '/fast': ({ session }) => {
          session.user = 'fast'
        },
      })
      const overwritten: unknown[] = []
      store.on('overwritten', (event) => overwritten.push(event))
      await browser.get('/login')
      const slow = new Browser(app, browser.cookie).get('/slow')
      await gate.arrived
      await new Browser(app, browser.cookie).get('/fast')
      gate.leave()
      await slow
      expect((await browser.get('/read')).body).toBe('slow')
      expect(overwritten).toHaveLength(1)
    })

    it('trap 4: 8 MB to a slow client arrive whole while the save at the end is refused', async () => {
      const gate = turnstile()
      const megabytes = Buffer.alloc(8 * 1024 * 1024, 'x')
      const { browser, app, refused } = await open({
        '/big': async ({ session }) => {
          session.download = Date.now()
          await gate.wait()
          return megabytes
        },
        '/logout': (visit) => visit.destroy(),
      })
      await browser.get('/login')
      const big = readSlowly(app.url, '/big', browser.cookie)
      await gate.arrived
      await new Browser(app, browser.cookie).get('/logout')
      gate.leave()
      expect(await big).toEqual({ bytes: megabytes.length, complete: true })
      expect(refused).toHaveLength(1)
    })

    it('trap 4: 8 MB arrive whole while the database is down for the touch at the end', async () => {
      const table = await newTable()
      const store = storeOn(table, { touchAfterSeconds: 0 })
      const failed: unknown[] = []
      store.on('touch-failed', (event) => failed.push(event))
      const app = await start(store, { '/login': login, '/big': () => Buffer.alloc(8 * 1024 * 1024, 'x') })
      apps.push(app)
      const browser = new Browser(app)
      await browser.get('/login')
      table.before = (call) => {
        if (call === 'extend') throw new Error('database down')
      }
      expect(await readSlowly(app.url, '/big', browser.cookie)).toEqual({ bytes: 8 * 1024 * 1024, complete: true })
      expect(failed).toHaveLength(1)
    })

    it('a write that the database refuses is an error of the request, not a signed-out user', async () => {
      const table = await newTable()
      const { browser } = await open({}, table)
      await browser.get('/login')
      table.before = () => {
        throw new Error('database down')
      }
      expect((await browser.get('/read')).status).toBe(500)
      table.before = () => {}
      expect((await browser.get('/read')).body).toBe('ada')
    })

    it(`sessions written under the other framework open under ${framework}`, async () => {
      const table = await newTable()
      const other = frameworks.find((entry) => entry.framework !== framework)
      const first = await other!.start(storeOn(table), { '/login': login }, { maxAge: 3_600_000 })
      apps.push(first)
      const visitor = new Browser(first)
      await visitor.get('/login')
      const { browser } = await open({}, table)
      browser.cookie = visitor.cookie
      expect((await browser.get('/read')).body).toBe('ada')
    })
  })

  it('passport’s login with keepSessionInfo: right user, data kept, old id dead', async () => {
    const table = await newTable()
    const app = await startPassport(storeOn(table))
    apps.push(app)
    const browser = new Browser(app)
    await browser.get('/cart')
    const old = browser.cookie
    expect(await browser.get('/login')).toMatchObject({ status: 200 })
    expect(browser.cookie).not.toBe(old)
    expect((await browser.get('/me')).body).toEqual({ user: { name: 'ada' }, cart: ['book'] })
    browser.cookie = old
    expect((await browser.get('/me')).body).toEqual({})
  })
})

async function startPassport(store: SessionStore): Promise<TestApp> {
  const authenticator = new passport.Passport()
  authenticator.serializeUser((user, done) => done(null, JSON.stringify(user)))
  authenticator.deserializeUser((user: string, done) => done(null, JSON.parse(user)))
  const app = express()
  app.use(session({ store, secret: SECRET, name: COOKIE_NAME, resave: false, saveUninitialized: false }))
  app.use(authenticator.session())
  app.get('/cart', (request, response) => {
    Object.assign(request.session, { cart: ['book'] })
    response.end()
  })
  app.get('/login', (request, response, next) => {
    request.logIn({ name: 'ada' }, { keepSessionInfo: true } as passport.LogInOptions, (error) =>
      error ? next(error) : response.end(),
    )
  })
  app.get('/me', (request, response) => {
    response.json({ user: request.user, cart: (request.session as { cart?: string[] }).cart })
  })
  const server = app.listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
