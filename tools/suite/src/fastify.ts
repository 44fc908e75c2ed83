/** What concerns @fastify/session alone. */
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { fakeClock } from '@waxseal/testing'
import fastify from 'fastify'
import { expect, it, onTestFinished, vi } from 'vitest'
import { type Route, SECRET, startFastify } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse } from './support.ts'

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/write': ({ session }) => {
    session.user = 'ada'
  },
}

export function fastifyCases(database: SuiteDatabase): void {
  it('trap 1: Fastify never calls touch: a read-only request is postponed all the same', async () => {
    const table = await observe(database)
    const clock = fakeClock()
    const store = table.newStore({ clock })
    const touch = vi.spyOn(store, 'touch')
    const browser = await browse(startFastify, store, routes)
    await browser.get('/write')
    clock.advanceSeconds(3601)
    await browser.get('/read')
    expect(touch).not.toHaveBeenCalled()
    expect(table.take()).toContain('extend')
  })

  it('trap 5: async handlers that send and return nothing survive ten read-only requests', async () => {
    const store = (await observe(database)).newStore()
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    const errors: unknown[] = []
    app.addHook('onError', async (_request, _reply, error) => errors.push(error))
    await app.register(fastifyCookie)
    await app.register(fastifySession, { store, secret: SECRET, saveUninitialized: false, cookie: { secure: false } })
    app.get('/write', async (request) => {
      Object.assign(request.session, { user: 'ada' })
      return 'written'
    })
    app.get('/read', async (request, reply) => {
      reply.send((request.session as unknown as { user?: string }).user)
    })
    const { headers } = await app.inject('/write')
    const cookie = String(headers['set-cookie']).split(';', 1)[0]
    for (let i = 0; i < 10; i++) {
      const { statusCode, body } = await app.inject({ url: '/read', headers: { cookie } })
      expect([statusCode, body]).toEqual([200, 'ada'])
    }
    expect(errors).toEqual([])
  })

  it('calls with rolling: false: a read-only request is one read, also after the touch interval', async () => {
    const table = await observe(database)
    const clock = fakeClock()
    const browser = await browse(startFastify, table.newStore({ clock }), routes, { rolling: false })
    await browser.get('/write')
    clock.advanceSeconds(7200)
    table.take()
    await browser.get('/read')
    expect(table.take()).toEqual(['get'])
  })

  it('regenerate with the keys to keep: right user, data kept, old id dead', async () => {
    const browser = await browse(startFastify, (await observe(database)).newStore(), {
      '/cart': ({ session }) => {
        session.cart = ['book']
        session.draft = 'not kept'
      },
      '/login': async (visit) => {
        await (visit.session as { regenerate(keys: string[]): Promise<void> }).regenerate(['cart'])
        visit.session.user = 'ada'
      },
      '/me': ({ session }) => ({ user: session.user, cart: session.cart, draft: session.draft }),
    })
    await browser.get('/cart')
    const old = browser.cookie
    expect(await browser.get('/login')).toMatchObject({ status: 200 })
    expect(browser.cookie).not.toBe(old)
    expect((await browser.get('/me')).body).toEqual({ user: 'ada', cart: ['book'] })
    browser.cookie = old
    expect((await browser.get('/me')).body).toEqual({})
  })
}
