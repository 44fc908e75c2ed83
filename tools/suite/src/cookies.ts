/** Cookies that the app itself changes, and sessions that both frameworks share. */
import { expect, it } from 'vitest'
import { type Framework, type Route, startExpress, startFastify } from './apps.ts'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { browse, movableDate } from './support.ts'

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

export function cookieCases(database: SuiteDatabase, { start }: Framework): void {
  const signedIn = async (options = {}) => {
    const date = movableDate()
    const browser = await browse(start, (await observe(database)).newStore(), routes, options)
    await browser.get('/login')
    return { browser, date }
  }

  it('a longer maxAge ("remember me") lasts, in a session that is otherwise only read', async () => {
    const { browser } = await signedIn()
    await browser.get('/remember')
    expect((await browser.get('/life')).body).toBe(3_600_000)
  })

  it('a shorter maxAge ends the session sooner', async () => {
    const { browser, date } = await signedIn({ maxAge: 3_600_000 })
    await browser.get('/shorten-life')
    expect((await browser.get('/read')).body).toBe('ada')
    date.advanceSeconds(1.2)
    expect((await browser.get('/read')).body).toBe(null)
  })

  it('a nearer expires ends the session sooner', async () => {
    const { browser, date } = await signedIn()
    await browser.get('/end-soon')
    date.advanceSeconds(1.2)
    expect((await browser.get('/read')).body).toBe(null)
  })
}

export function sharedCookieCases(database: SuiteDatabase): void {
  it('a session that both frameworks read in turns is not written', async () => {
    const options = { maxAge: 3_600_000 }
    const table = await observe(database)
    const express = await browse(startExpress, table.newStore(), routes, options)
    await express.get('/login')
    const fastify = await browse(startFastify, table.newStore(), routes, options)
    fastify.cookie = express.cookie
    table.take()
    for (let turn = 0; turn < 3; turn++) {
      expect((await fastify.get('/read')).body).toBe('ada')
      expect((await express.get('/read')).body).toBe('ada')
    }
    expect(new Set(table.take())).toEqual(new Set(['get']))
  })
}
