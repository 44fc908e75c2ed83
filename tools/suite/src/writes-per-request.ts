/** The table of docs/sessions.md "Who calls what". */
import { fakeClock } from '@waxseal/testing'
import { expect, it } from 'vitest'
import type { AppOptions, Framework, Route } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse } from './support.ts'

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

export function callCases(database: SuiteDatabase, { framework, start }: Framework): void {
  const open = async (options: AppOptions = {}) => {
    const table = await observe(database)
    const clock = fakeClock()
    return { table, clock, browser: await browse(start, table.newStore({ clock }), routes, options) }
  }
  const signedIn = async (options: AppOptions = {}) => {
    const opened = await open(options)
    await opened.browser.get('/write')
    opened.table.take()
    return opened
  }

  it('calls for an anonymous reader: none', async () => {
    const { table, browser } = await open()
    expect((await browser.get('/read')).body).toBe(null)
    expect(table.take()).toEqual([])
    expect(browser.cookie).toBe(undefined)
  })

  it('calls for the first write: one insert', async () => {
    const { table, browser } = await open()
    await browser.get('/write')
    expect(table.take()).toEqual(['insert'])
    expect(browser.cookie).toBeDefined()
  })

  it.each([{}, { maxAge: 3_600_000 }, { maxAge: 3_600_000, rolling: true }])(
    'calls for ten read-only requests within the touch interval: ten reads, no write, %o',
    async (options) => {
      const { table, browser } = await signedIn(options)
      for (let i = 0; i < 10; i++) {
        expect(await browser.get('/read')).toMatchObject({ status: 200, body: 'ada' })
      }
      expect(table.take()).toEqual(Array(10).fill('get'))
    },
  )

  it('calls for a read-only request after the touch interval: a read and a touch, then reads again', async () => {
    const { table, clock, browser } = await signedIn()
    clock.advanceSeconds(3601)
    await browser.get('/read')
    expect(table.take()).toEqual(['get', 'extend'])
    await browser.get('/read')
    expect(table.take()).toEqual(['get'])
  })

  it('calls for a write: a read and an update', async () => {
    const { table, browser } = await signedIn()
    await browser.get('/write')
    expect(table.take()).toEqual(['get', 'update'])
  })

  it('calls for regenerate: get, delete, and the new session', async () => {
    const { table, browser } = await signedIn()
    await browser.get('/regenerate')
    // Fastify sets the new session twice: empty inside regenerate, and with its data at the end of the request.
    const sets = framework === 'Fastify' ? ['insert', 'update'] : ['insert']
    expect(table.take()).toEqual(['get', 'delete', ...sets])
    expect((await browser.get('/read')).body).toBe('ada')
  })

  it('calls for destroy: get and delete', async () => {
    const { table, browser } = await signedIn()
    await browser.get('/destroy')
    expect(table.take()).toEqual(['get', 'delete'])
    expect((await browser.get('/read')).body).toBe(null)
  })
}
