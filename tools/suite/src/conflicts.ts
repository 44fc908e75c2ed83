/** Two requests of one browser that change its session at once. */
import type { SessionOptions } from '@waxseal/session'
import { expect, it } from 'vitest'
import type { Framework, Route } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse, eventsOf, turnstile } from './support.ts'

const MEGABYTES_8 = 8 * 1024 * 1024

export function conflictCases(database: SuiteDatabase, { framework, start }: Framework): void {
  /** Signed in, with a slow request that goes on once another one has set `fast`. */
  async function open(slow: Route, options: Partial<SessionOptions> = {}) {
    const gate = turnstile()
    const store = (await observe(database)).newStore(options)
    const events = eventsOf(store, 'merged', 'conflict', 'failed', 'overwritten')
    const browser = await browse(start, store, {
      '/login': ({ session }) => {
        session.n = 0
      },
      '/read': ({ session }) => ({ n: session.n, cart: session.cart, fast: session.fast }),
      '/fast': ({ session }) => {
        session.n = 1
        session.fast = true
      },
      '/slow': async (visit) => {
        await gate.wait()
        return slow(visit)
      },
    })
    await browser.get('/login')
    const meet = async <T>(request: (tab: typeof browser) => Promise<T>): Promise<T> => {
      const answer = request(browser.newTab())
      await gate.arrived
      expect((await browser.get('/fast')).status).toBe(200)
      gate.leave()
      return answer
    }
    return { browser, events, meet }
  }

  it('two requests that change different keys are both kept', async () => {
    const { browser, events, meet } = await open(({ session }) => {
      session.cart = [1]
    })
    expect((await meet((tab) => tab.get('/slow'))).status).toBe(200)
    expect((await browser.get('/read')).body).toEqual({ n: 1, cart: [1], fast: true })
    expect(events).toMatchObject([{ type: 'merged', operation: 'set' }])
  })

  it.each(['merge', 'reject'] as const)(
    'trap 4: under %s an app that awaits save() has the error, and can load again and repeat',
    async (conflict) => {
      const { browser, events, meet } = await open(
        async (visit) => {
          visit.session.n = Number(visit.session.n) + 1
          const { code } = await visit.save().then(
            () => ({ code: 'none' }),
            (error: { code: string }) => error,
          )
          await visit.reload()
          visit.session.n = Number(visit.session.n) + 1
          await visit.save()
          return { code, n: visit.session.n }
        },
        { conflict },
      )
      expect(await meet((tab) => tab.get('/slow'))).toMatchObject({
        status: 200,
        body: { code: 'ERR_WAXSEAL_SESSION_CONFLICT', n: 2 },
      })
      expect((await browser.get('/read')).body).toEqual({ n: 2, fast: true })
      expect(events).toMatchObject([{ type: 'conflict' }])
    },
  )

  it('trap 4: a conflict in the save at the end: Fastify answers 500, Express has sent what it could', async () => {
    const { browser, events, meet } = await open(({ session }) => {
      session.n = 2
      return { done: true }
    })
    expect(await meet((tab) => tab.get('/slow'))).toMatchObject(
      framework === 'Fastify'
        ? { status: 500, body: { code: 'ERR_WAXSEAL_SESSION_CONFLICT' } }
        : { status: 200, body: { done: true } },
    )
    expect((await browser.get('/read')).body).toEqual({ n: 1, fast: true })
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['conflict']))
  })

  it('trap 4: after a conflict in the save at the end Express cuts 8 MB to a slow client off', async () => {
    const { meet } = await open(({ session }) => {
      session.n = 2
      return Buffer.alloc(MEGABYTES_8, 'x')
    })
    const arrived = meet((tab) => tab.readSlowly('/slow')).catch(({ message }) => message)
    if (framework === 'Express') expect(await arrived).toBe('aborted')
    else expect(await arrived).toMatchObject({ complete: true })
  })

  it('trap 4: under lastWriteWins 8 MB to a slow client arrive whole, and the save is counted', async () => {
    const { browser, events, meet } = await open(
      ({ session }) => {
        session.n = 2
        return Buffer.alloc(MEGABYTES_8, 'x')
      },
      { conflict: 'lastWriteWins' },
    )
    expect(await meet((tab) => tab.readSlowly('/slow'))).toEqual({ bytes: MEGABYTES_8, complete: true })
    expect((await browser.get('/read')).body).toEqual({ n: 2 })
    expect(events).toMatchObject([{ type: 'overwritten' }])
  })
}
