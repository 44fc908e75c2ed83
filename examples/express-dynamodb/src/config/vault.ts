import './environment.ts'
import { createTokenVault, migrateTokenVault } from '@waxseal/drizzle'
import { oauthProvider } from '@waxseal/drizzle/providers'
import { createLogger, openLocalPostgres } from '@waxseal-examples/support'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Pool } from 'pg'
import { services } from './environment.ts'
import { envelope } from './session.ts'

const { DATABASE_URL, OIDC_ISSUER = '', GOOGLE_CLIENT_ID = '', GOOGLE_CLIENT_SECRET = '' } = process.env

type Opened = Awaited<ReturnType<typeof open>>

let opened: Promise<Opened> | undefined

/** The vault, in Postgres and under the envelope of the sessions. Opened by the first call: sessions need no Postgres. */
export async function openVault(): Promise<Opened['vault']> {
  opened ??= open().catch((error) => {
    // The next call tries again.
    opened = undefined
    throw error
  })
  return (await opened).vault
}

export async function closeVault(): Promise<void> {
  const { vault, close } = (await opened) ?? {}
  // What is under way ends first, refreshes above all; the database is needed for it.
  await vault?.dispose()
  await close?.()
}

async function open() {
  const { db, close } = DATABASE_URL === undefined ? await openLocalPostgres(services.data) : openServer(DATABASE_URL)
  await migrateTokenVault(db)
  const app = { issuer: OIDC_ISSUER, clientId: GOOGLE_CLIENT_ID, clientSecret: GOOGLE_CLIENT_SECRET }
  return { vault: createTokenVault({ db, envelope, providers: { google: oauthProvider(app) } }), close }
}

function openServer(connectionString: string) {
  const pool = new Pool({ connectionString, query_timeout: 10_000, connectionTimeoutMillis: 10_000 })
  // Without a listener, a connection that breaks while it is idle would end the process.
  pool.on('error', ({ message }) => createLogger().warn({ message }, 'connection lost'))
  return { db: drizzle({ client: pool }), close: () => pool.end() }
}
