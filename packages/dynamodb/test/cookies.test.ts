/**
 * Cookies that the app itself changes, and sessions that both frameworks share. The frameworks' cookies run on the real
 * clock, so these tests do; the rules are not the database's, so one table in memory serves.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryTable } from '@waxseal/session'
import {
  type AppOptions,
  Browser,
  frameworks,
  type Route,
  type StartApp,
  startExpress,
  startFastify,
  type TestApp,
} from '@waxseal/suite'
import { afterEach, describe, expect, it } from 'vitest'
import { ObservedTable, storeOn } from './support/stores.ts'

const apps: TestApp[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

const routes: Record<string, Route> = {
  '/login': ({ session }) => {
    session.user = 'ada'
  },
  '/read': ({ session }) => session.user ?? null,
  '/life': ({ cookie }) => cookie.originalMaxAge,
  '/remember': ({ cookie }) => {
    cookie.maxAge = 3_600_000
  },
  '/shorten-life': ({ cookie }) => {
    cookie.maxAge = 1000
  },
  '/end-soon': ({ cookie }) => {
    cookie.expires = new Date(Date.now() + 1000)
  },
}

async function signedIn(start: StartApp, options: AppOptions = {}, table = new ObservedTable(new MemoryTable())) {
  const app = await start(storeOn(table), routes, options)
  apps.push(app)
  const browser = new Browser(app)
  await browser.get('/login')
  return { browser, table }
}

describe('a changed cookie, in a session that is otherwise only read', () => {
  it('Express: a longer maxAge ("remember me") lasts', async () => {
    const { browser } = await signedIn(startExpress)
    await browser.get('/remember')
    expect((await browser.get('/life')).body).toBe(3_600_000)
  })

  it('Express: a shorter maxAge ends the session sooner', async () => {
    const { browser } = await signedIn(startExpress, { maxAge: 3_600_000 })
    await browser.get('/shorten-life')
    expect((await browser.get('/read')).body).toBe('ada')
    await sleep(1200)
    expect((await browser.get('/read')).body).toBe(null)
  })

  it.each(frameworks)('$framework: a nearer expires ends the session sooner', async ({ start }) => {
    const { browser } = await signedIn(start)
    await browser.get('/end-soon')
    await sleep(1200)
    expect((await browser.get('/read')).body).toBe(null)
  })
})

it('a session that both frameworks read in turns is not written', async () => {
  const options = { maxAge: 3_600_000 }
  const { browser: express, table } = await signedIn(startExpress, options)
  const app = await startFastify(storeOn(table), routes, options)
  apps.push(app)
  const fastify = new Browser(app, express.cookie)
  table.take()
  for (let turn = 0; turn < 3; turn++) {
    expect((await fastify.get('/read')).body).toBe('ada')
    expect((await express.get('/read')).body).toBe('ada')
  }
  expect(new Set(table.take())).toEqual(new Set(['get']))
})
