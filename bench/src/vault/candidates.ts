import { randomBytes, randomUUID } from 'node:crypto'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { createTokenVault, createTokenVaultTable, tokenVaultSql } from '@waxseal/drizzle'
import { and, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import pg from 'pg'

export const candidateNames = ['waxseal', 'prepared', 'peer', 'control'] as const
export type CandidateName = (typeof candidateNames)[number]

/** Reads the access token of one tenant at one provider. */
export type Read = (tenantId: string) => Promise<void>

const PROVIDER = 'google'
const token = () => randomBytes(240).toString('base64url')

/** A vault without and with `preparedStatements`, and a table of tokens in the clear read as Drizzle's guide shows it. */
export async function newCandidates(url: string, tenants: readonly string[]): Promise<Record<CandidateName, Read>> {
  const waxseal = await newVault(url, tenants, false)
  const prepared = await newVault(url, tenants, true)
  const peer = await newPlainTable(url, tenants)
  return { waxseal, prepared, peer, control: peer }
}

async function newVault(url: string, tenants: readonly string[], preparedStatements: boolean): Promise<Read> {
  const pool = newPool(url)
  const table = createTokenVaultTable({ name: `vault_${randomUUID()}` })
  await pool.query(tokenVaultSql(table))
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench' } })
  const db = drizzle({ client: pool })
  const vault = createTokenVault({ db, table, envelope, providers: { [PROVIDER]: {} }, preparedStatements })
  for (const tenantId of tenants) {
    const tokens = { access_token: { value: token(), expiresAt: inAnHour() }, refresh_token: { value: token() } }
    await vault.putGrant({ tenantId, provider: PROVIDER, tokens })
  }
  return async (tenantId) => {
    const { accessToken } = await vault.getFreshAccessToken({ tenantId, provider: PROVIDER })
    if (accessToken === '') throw new Error('no token')
  }
}

async function newPlainTable(url: string, tenants: readonly string[]): Promise<Read> {
  const pool = newPool(url)
  const name = `plain_${randomUUID()}`
  const columns = {
    tenantId: text('tenant_id').notNull(),
    provider: text('provider').notNull(),
    account: text('account').notNull(),
    accessToken: text('access_token').notNull(),
    refreshToken: text('refresh_token').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
  }
  const table = pgTable(name, columns, (table) => [unique().on(table.tenantId, table.provider, table.account)])
  await pool.query(
    `CREATE TABLE "${name}" (tenant_id text NOT NULL, provider text NOT NULL, account text NOT NULL, access_token text NOT NULL,
       refresh_token text NOT NULL, expires_at timestamptz NOT NULL, UNIQUE (tenant_id, provider, account))`,
  )
  const db = drizzle({ client: pool })
  for (const tenantId of tenants) {
    const tokens = { accessToken: token(), refreshToken: token(), expiresAt: inAnHour() }
    await db.insert(table).values({ tenantId, provider: PROVIDER, account: '', ...tokens })
  }
  return async (tenantId) => {
    const isOne = and(eq(table.tenantId, tenantId), eq(table.provider, PROVIDER), eq(table.account, ''))
    const [row] = await db.select().from(table).where(isOne)
    if (row === undefined || row.expiresAt.getTime() < Date.now()) throw new Error('no token')
  }
}

function newPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url })
  // The server may end before the pool does.
  pool.on('error', () => {})
  return pool
}

const inAnHour = () => new Date(Date.now() + 3_600_000)
