// As consumer.ts, for an app that uses Drizzle.
import { createEnvelope, localKeyring } from '@waxseal/core'
import { type PgSessionTable, PostgresSessionStore, pgSessionTable } from '@waxseal/drizzle/session'
import { drizzle } from 'drizzle-orm/node-postgres'
import type * as expressSession from 'express-session'

const sessions: PgSessionTable = pgSessionTable('sessions', { schema: 'auth' })
const db = drizzle('postgres://127.0.0.1/app', { schema: { sessions } })
const envelope = createEnvelope({ keyring: localKeyring(''), encryptionContext: { app: 'consumer' } })
const store = new PostgresSessionStore({ db, table: sessions, envelope, pruneIntervalSeconds: 60 })
export const options: expressSession.SessionOptions = { secret: 'a secret', store, resave: false }

export const rows: Promise<{ key: string; record: Uint8Array; expiresAt: number }[]> = db
  .select()
  .from(sessions)
  .execute()
export const removed: Promise<number> = store.prune()
// @ts-expect-error A database is asked for, and types that did not resolve would take anything.
export const none = new PostgresSessionStore({ db: 1, envelope })
