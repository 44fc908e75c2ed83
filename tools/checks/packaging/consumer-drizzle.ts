// As consumer.ts, for an app that uses Drizzle.
import { createEnvelope, localKeyring } from '@waxseal/core'
import { createTokenVault, createTokenVaultTable, type ProviderProfile } from '@waxseal/drizzle'
import { googleProvider, oauthProvider } from '@waxseal/drizzle/providers'
import { type PgSessionTable, PostgresSessionStore, pgSessionTable } from '@waxseal/drizzle/session'
import { drizzle } from 'drizzle-orm/node-postgres'
import { text } from 'drizzle-orm/pg-core'
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

export const tokenVault = createTokenVaultTable({ schema: 'auth', extraColumns: { note: text('note') } })
const app = { clientId: 'id', clientSecret: 'secret' }
const providers = {
  google: googleProvider<{ calendar: string }>(app),
  acme: oauthProvider({ issuer: 'https://id.example.com', ...app, graceSeconds: 30 }) satisfies ProviderProfile,
  clerk: {},
}
// @ts-expect-error Where it is asked must be known.
export const unknown = oauthProvider(app)
const vault = createTokenVault({ db, table: tokenVault, envelope, providers })
export const calendar: Promise<string | undefined> = vault
  .getGrant({ tenantId: 't1', provider: 'google' })
  .then((grant) => grant?.metadata.calendar)
export const notes: Promise<{ note: string | null; tenantId: string }[]> = db.select().from(tokenVault).execute()
// @ts-expect-error Not among the providers.
export const nowhere = vault.getAccessToken('t1', 'github')
