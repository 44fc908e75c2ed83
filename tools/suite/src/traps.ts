/**
 * What Express and Fastify really do with a store: the numbered traps of docs/sessions.md as far as they are the same
 * question to both. Those of one framework alone are in express.ts and fastify.ts, trap 4 is in logouts.ts.
 */
import { fakeClock } from '@waxseal/testing'
import { expect, it } from 'vitest'
import type { Framework, Route } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe, type TableCall } from './observed-table.ts'
import { browse, eventsOf, movableDate, turnstile } from './support.ts'

// Trap 8: an app's own required keys. That the store fits both frameworks all the same is a matter of the types of apps.ts.
declare module 'express-session' {
  interface SessionData {
    tenant: string
  }
}
declare module 'fastify' {
  interface Session {
    tenant: string
  }
}

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/write': ({ session }) => {
    session.user = 'ada'
  },
  '/cookie': ({ cookie }) => ({ expires: cookie.expires, originalMaxAge: cookie.originalMaxAge }),
  '/session': ({ session }) => session,
}

export function trapCases(database: SuiteDatabase, { framework, start }: Framework): void {
  const observed = () => observe(database)

  it('trap 2: an expired row that is still in the table is no session', async () => {
    const table = await observed()
    const clock = fakeClock()
    const browser = await browse(start, table.newStore({ clock, ttlSeconds: 60 }), routes)
    await browser.get('/write')
    expect((await browser.get('/read')).body).toBe('ada')
    clock.advanceSeconds(61)
    expect((await browser.get('/read')).body).toBe(null)
    expect(table.take()).not.toContain('delete')
  })

  it('trap 2: a touched session outlives its stored cookie', async () => {
    const date = movableDate()
    const table = await observed()
    const browser = await browse(start, table.newStore({ touchAfterSeconds: 0.1 }), routes, { maxAge: 2000 })
    await browser.get('/write')
    date.advanceSeconds(1.3)
    await browser.get('/read')
    expect(table.take()).toContain('extend')
    // The cookie inside the record ended 600 ms ago, the row lives 700 ms more.
    date.advanceSeconds(1.3)
    expect((await browser.get('/read')).body).toBe('ada')
  })

  it('trap 2: a cookie that ends with the browser stays one', async () => {
    const clock = fakeClock()
    const browser = await browse(start, (await observed()).newStore({ clock }), routes)
    const { setCookie } = await browser.get('/write')
    expect(setCookie).not.toMatch(/expires|max-age/i)
    clock.advanceSeconds(86_400)
    await browser.get('/read')
    expect((await browser.get('/cookie')).body).toEqual({ expires: null, originalMaxAge: null })
  })

  it('trap 3: a save that cannot be stored is an error in the hands of its caller, and no request hangs', async () => {
    const browser = await browse(start, (await observed()).newStore(), {
      '/save': async ({ session, save }) => {
        session.data = 'x'.repeat(1_100_000)
        const failure = await save().catch((error: { code?: string }) => error.code)
        delete session.data
        return { failure }
      },
    })
    const body = { failure: 'ERR_WAXSEAL_SESSION_TOO_LARGE' }
    expect(await browser.get('/save')).toMatchObject({ status: 200, body })
  })

  it('trap 3: every callback of a journey is called once, also while the database fails', async () => {
    const table = await observed()
    const store = table.newStore({ touchAfterSeconds: 0 })
    const counts: number[] = []
    for (const name of ['get', 'set', 'touch', 'destroy'] as const) {
      const original = store[name].bind(store) as (...args: unknown[]) => unknown
      const counted = (...args: unknown[]) => {
        const callback = args.at(-1)
        if (typeof callback !== 'function') return original(...args)
        const index = counts.push(0) - 1
        return original(...args.slice(0, -1), (...results: unknown[]) => {
          counts[index]! += 1
          callback(...results)
        })
      }
      Object.assign(store, { [name]: counted })
    }
    const browser = await browse(start, store, {
      ...routes,
      '/regenerate': (visit) => visit.regenerate(),
      '/logout': (visit) => visit.destroy(),
    })
    const journey = ['/write', '/read', '/write', '/regenerate', '/write', '/read', '/logout', '/read']
    for (const path of journey) expect((await browser.get(path)).status).toBe(200)
    await browser.get('/write')
    table.goDown()
    for (const path of journey) await browser.get(path).catch(() => {})
    expect(counts.length).toBeGreaterThan(journey.length)
    expect(new Set(counts)).toEqual(new Set([1]))
  })

  it('trap 3: a save stores the session as it was at the call, whatever happens to it meanwhile', async () => {
    const table = await observed()
    const [writing, showing] = [turnstile(), turnstile()]
    const browser = await browse(start, table.newStore(), {
      ...routes,
      '/save': async ({ session, save }) => {
        session.user = 'as it was'
        const saved = save()
        session.user = 'changed'
        await saved
        await showing.wait()
      },
    })
    await browser.get('/write')
    table.intercept = async (call, run) => {
      if (call === 'update') await writing.wait()
      return run()
    }
    const answer = browser.newTab().get('/save')
    await writing.arrived
    writing.leave()
    await showing.arrived
    expect((await browser.get('/read')).body).toBe('as it was')
    showing.leave()
    await answer
    expect((await browser.get('/read')).body).toBe('changed')
  })

  it('trap 5: a request with nothing to write is called back before the call returns', async () => {
    const store = (await observed()).newStore()
    const name = framework === 'Express' ? 'touch' : 'set'
    const original = store[name].bind(store) as (...args: unknown[]) => unknown
    const synchronous: boolean[] = []
    const browser = await browse(start, store, routes)
    await browser.get('/write')
    const watched = (id: string, session: object, callback: (error?: unknown) => void) => {
      let returned = false
      original(id, session, (error: unknown) => {
        synchronous.push(!returned)
        callback(error)
      })
      returned = true
    }
    Object.assign(store, { [name]: watched })
    for (let i = 0; i < 10; i++) expect(await browser.get('/read')).toMatchObject({ status: 200, body: 'ada' })
    expect(synchronous).toEqual(Array(10).fill(true))
  })

  it('trap 6: the state that get hands along shows in no session data', async () => {
    const browser = await browse(start, (await observed()).newStore(), routes)
    await browser.get('/write')
    expect(JSON.stringify((await browser.get('/session')).body)).not.toContain('waxseal')
  })

  it('trap 6: a key that only the other framework could not take is refused in this one', async () => {
    const table = await observed()
    const name = framework === 'Express' ? 'sessionId' : 'req'
    const browser = await browse(start, table.newStore(), {
      '/save': async ({ session, save }) => {
        // Defined, since `sessionId` is a getter under one and a plain key under the other.
        Object.defineProperty(session, name, { value: 'x', enumerable: true, configurable: true })
        const failure = await save().catch((error: { code?: string }) => error.code)
        delete session[name]
        return { failure }
      },
    })
    expect((await browser.get('/save')).body).toEqual({ failure: 'ERR_WAXSEAL_SESSION_INVALID' })
  })

  it('trap 7: a session of 1.5 s ends after 1.5 s', async () => {
    const clock = fakeClock()
    const store = (await observed()).newStore({ clock, ttlSeconds: 1.5 })
    const [reader, latecomer] = [await browse(start, store, routes), await browse(start, store, routes)]
    await reader.get('/write')
    await latecomer.get('/write')
    clock.advanceSeconds(1.499)
    expect((await reader.get('/read')).body).toBe('ada')
    clock.advanceSeconds(0.001)
    expect((await latecomer.get('/read')).body).toBe(null)
  })

  it('trap 8: a session with required keys of the app’s own is stored and read', async () => {
    const browser = await browse(start, (await observed()).newStore(), {
      '/tenant': ({ session }) => {
        session.tenant = 'acme'
      },
      '/session': ({ session }) => session.tenant,
    })
    await browser.get('/tenant')
    expect((await browser.get('/session')).body).toBe('acme')
  })

  it('trap 9: a silent database is an error of the request at the store’s time-out, and signs nobody out', async () => {
    const table = await observed()
    const browser = await browse(start, table.newStore(), routes)
    await browser.get('/write')
    const impatient = await browse(start, table.newStore({ timeoutMilliseconds: 50 }), routes)
    impatient.cookie = browser.cookie
    table.intercept = () => new Promise(() => {})
    expect(await impatient.get('/read')).toMatchObject({ status: 500, body: { code: 'ERR_WAXSEAL_STORE_TIMEOUT' } })
    table.comeBack()
    expect((await browser.get('/read')).body).toBe('ada')
  })

  it('trap 9: a write that the client repeats after a lost answer is our own success', async () => {
    const table = await observed()
    const store = table.newStore()
    const events = eventsOf(store, 'refused', 'overwritten', 'merged', 'conflict', 'failed')
    const browser = await browse(start, store, {
      ...routes,
      '/rename': ({ session }) => {
        session.user = 'grace'
      },
    })
    const repeated: TableCall[] = ['insert', 'update']
    table.intercept = async (call, run) => {
      const first = await run()
      if (call !== repeated[0]) return first
      repeated.shift()
      return run()
    }
    await browser.get('/write')
    expect((await browser.get('/read')).body).toBe('ada')
    expect((await browser.get('/rename')).status).toBe(200)
    expect((await browser.get('/read')).body).toBe('grace')
    expect(events).toEqual([])
    expect(repeated).toEqual([])
  })
}
