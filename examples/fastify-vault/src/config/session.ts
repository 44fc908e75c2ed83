import { PostgresSessionStore } from '@waxseal/drizzle/session'
import type { AppSession } from '@waxseal-examples/support'
import { sessions } from '../schema.ts'
import { database } from './database.ts'
import { envelope } from './envelope.ts'

const SEVEN_DAYS_IN_SECONDS = 604_800
const { NODE_ENV, SESSION_SECRET = '' } = process.env

export const sessionConfig = {
  /** Signs the cookie. It does not encrypt anything: that is the envelope's part. */
  secret: SESSION_SECRET,
  cookie: {
    httpOnly: true,
    sameSite: 'lax',
    secure: NODE_ENV === 'production',
    maxAge: SEVEN_DAYS_IN_SECONDS * 1000,
  },
} as const

export const sessionStore = new PostgresSessionStore({
  db: database.db,
  table: sessions,
  envelope,
  // Everybody signs in again once a week, however active they are.
  maxLifetimeSeconds: SEVEN_DAYS_IN_SECONDS,
  userId: ({ user }) => (user as AppSession['user'])?.email,
})
