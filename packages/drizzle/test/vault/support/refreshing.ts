import { randomUUID } from 'node:crypto'
import { getTableName, type SQL, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../../src/database.ts'
import {
  createTokenVault,
  createTokenVaultTable,
  type ProviderProfile,
  type TokenVaultOptions,
  type TokenVaultTable,
  tokenVaultSql,
} from '../../../src/vault/index.ts'
import { StrictProvider } from './strict-provider.ts'
import { envelope, run } from './vaults.ts'

export const google = { tenantId: 't1', provider: 'google' as const }

type Options = Partial<TokenVaultOptions<Record<'google', ProviderProfile>>>

/**
 * A vault with one grant at a strict provider, and what a test needs to look at both. The clock is the machine's: whether a
 * token is due is for the database to say.
 */
export async function refreshing(db: PostgresDatabase, profile: ProviderProfile = {}, options: Options = {}) {
  const table: TokenVaultTable = createTokenVaultTable({ name: `vault_${randomUUID()}` })
  await run(db, tokenVaultSql(table as never))
  const provider = new StrictProvider()
  const newVault = (change: Options = {}) =>
    createTokenVault({ db, table, envelope, providers: { google: provider.profile(profile) }, ...options, ...change })
  const vault = newVault()
  const target = sql.identifier(getTableName(table))

  /** Connects the grant with an access token that runs for so many seconds more. */
  async function connect(seconds: number | null = 60, refreshToken = provider.connect()) {
    const expiresAt = seconds === null ? null : new Date(Date.now() + seconds * 1000)
    const tokens = { access_token: { value: `at-${randomUUID()}`, expiresAt }, refresh_token: { value: refreshToken } }
    await vault.putGrant({ ...google, tokens })
    return { accessToken: tokens.access_token.value, refreshToken }
  }
  const row = async () => (await db.select().from(table as never))[0] as unknown as Row
  const set = async (change: SQL) => void (await db.execute(sql`update ${target} set ${change}`))
  const tokens = async () => (await vault.getGrant(google))!.tokens
  return { vault, newVault, provider, table, db, connect, row, set, tokens }
}

type Row = typeof import('../../../src/vault/index.ts').tokenVault.$inferSelect

/** Calls at once. */
export const times = <T>(count: number, call: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => call(index)))

/** The code of the error that a call ends with. */
export const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no error',
    (error: { code?: unknown }) => error.code,
  )
