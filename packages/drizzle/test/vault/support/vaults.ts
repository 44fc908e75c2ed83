import { randomUUID } from 'node:crypto'
import { createEnvelope, type Envelope, generateKey, localKeyring } from '@waxseal/core'
import { type FakeClock, fakeClock } from '@waxseal/testing'
import { sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../../src/database.ts'
import {
  createTokenVault,
  createTokenVaultTable,
  type ProviderProfile,
  tokenVaultSql,
} from '../../../src/vault/index.ts'

export const envelope: Envelope = createEnvelope({
  keyring: localKeyring(generateKey()),
  encryptionContext: { app: 'test' },
})

/** The providers of the app of the tests. */
export const providers = {
  google: {} as ProviderProfile<{ calendar: string }>,
  whatsapp: {},
  voicenter: {},
}

/** Runs SQL that creates something, one statement at a time: PGlite takes no more in one call. */
export async function run(db: PostgresDatabase, text: string): Promise<void> {
  for (const statement of text.split(';\n')) {
    if (statement.trim() !== '') await db.execute(sql.raw(statement))
  }
}

/** A vault over a new, empty table of a name of its own, since test files run side by side on one server. */
export async function newVault(db: PostgresDatabase, options: Parameters<typeof createTokenVaultTable>[0] = {}) {
  const table = createTokenVaultTable({ name: `vault_${randomUUID()}`, ...options })
  await run(db, tokenVaultSql(table))
  const clock = fakeClock()
  return { vault: createTokenVault({ db, table, envelope, providers, clock }), table, clock, db }
}

const MINUTE = 60_000

/** An instant so many minutes after the clock's. */
export const inMinutes = (clock: FakeClock, count: number) => new Date(clock.now() + count * MINUTE)
