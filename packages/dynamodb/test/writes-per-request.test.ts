import { type AppOptions, Browser, frameworks, type Route, type TestApp } from '@waxseal/suite'
import { fakeClock } from '@waxseal/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { engines, storeOn } from './support/stores.ts'

const routes: Record<string, Route> = {
  '/read': ({ session }) => session.user ?? null,
  '/write': ({ session }) => {
    session.count = ((session.count as number | undefined) ?? 0) + 1
    session.user = 'ada'
  },
  '/regenerate': async (visit) => {
    await visit.regenerate()
    visit.session.user = 'ada'
  },
  '/destroy': (visit) => visit.destroy(),
}

describe.each(engines)('on $engine', ({ newTable }) => {
  describe.each(frameworks)('under $framework', ({ framework, start }) => {
    const apps: TestApp[] = []
    afterEach(async () => {
      for (const app of apps.splice(0)) await app.close()
    })

    async function signedIn(options: AppOptions = {}) {
      const table = await newTable()
      const clock = fakeClock()
      const app = await start(storeOn(table, { clock }), routes, options)
      apps.push(app)
      const browser = new Browser(app)
      return { table, clock, browser, app }
    }

    it('calls for an anonymous reader: none', async () => {
      const { table, browser } = await signedIn()
      expect((await browser.get('/read')).body).toBe(null)
      expect(table.take()).toEqual([])
      expect(browser.cookie).toBe(undefined)
    })

    it('calls for the first write: one insert', async () => {
      const { table, browser } = await signedIn()
      await browser.get('/write')
      expect(table.take()).toEqual(['insert'])
      expect(browser.cookie).toBeDefined()
    })

    it.each([{}, { maxAge: 3_600_000 }, { maxAge: 3_600_000, rolling: true }])(
      'calls for ten read-only requests within the touch interval: ten reads, no write, %o',
      async (options) => {
        const { table, browser } = await signedIn(options)
        await browser.get('/write')
        table.take()
        for (let i = 0; i < 10; i++) {
          expect(await browser.get('/read')).toMatchObject({ status: 200, body: 'ada' })
        }
        expect(table.take()).toEqual(Array(10).fill('get'))
      },
    )

    it('calls for a read-only request after the touch interval: a read and a touch, then reads again', async () => {
      const { table, clock, browser } = await signedIn()
      await browser.get('/write')
      clock.advanceSeconds(3601)
      table.take()
      await browser.get('/read')
      expect(table.take()).toEqual(['get', 'extend'])
      await browser.get('/read')
      expect(table.take()).toEqual(['get'])
    })

    it('calls for a write: a read and an update', async () => {
      const { table, browser } = await signedIn()
      await browser.get('/write')
      table.take()
      await browser.get('/write')
      expect(table.take()).toEqual(['get', 'update'])
    })

    it('calls for regenerate: get, delete, and the new session', async () => {
      const { table, browser } = await signedIn()
      await browser.get('/write')
      table.take()
      await browser.get('/regenerate')
      // Fastify sets the new session twice: empty inside regenerate, and with its data at the end of the request.
      const sets = framework === 'Fastify' ? ['insert', 'update'] : ['insert']
      expect(table.take()).toEqual(['get', 'delete', ...sets])
      expect((await browser.get('/read')).body).toBe('ada')
    })

    it('calls for destroy: get and delete', async () => {
      const { table, browser } = await signedIn()
      await browser.get('/write')
      table.take()
      await browser.get('/destroy')
      expect(table.take()).toEqual(['get', 'delete'])
      expect((await browser.get('/read')).body).toBe(null)
    })
  })

  it('Fastify with rolling: false: a read-only request is one read, also after the touch interval', async () => {
    const fastify = frameworks.find(({ framework }) => framework === 'Fastify')
    const table = await newTable()
    const clock = fakeClock()
    const app = await fastify!.start(storeOn(table, { clock }), routes, { rolling: false })
    const browser = new Browser(app)
    await browser.get('/write')
    clock.advanceSeconds(7200)
    table.take()
    await browser.get('/read')
    expect(table.take()).toEqual(['get'])
    await app.close()
  })
})
