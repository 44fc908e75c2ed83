import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { SessionStore } from '@waxseal/session'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { onTestFinished } from 'vitest'
import { COOKIE_NAME, SECRET } from './apps.ts'
import { Browser } from './browser.ts'

/** An Express app whose `/login` keeps what was in the session; gives a browser that visits it. */
export async function startPassport(store: SessionStore): Promise<Browser> {
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
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return new Browser({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
