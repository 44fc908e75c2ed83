import { eq, sql } from 'drizzle-orm'
import { getTableConfig, integer, type PgTable, pgSchema, pgTable, timestamp } from 'drizzle-orm/pg-core'
import { checkDatabase, type PostgresDatabase } from '../database.ts'
import { toWaxsealError } from '../postgres-errors.ts'
import type { TokenVaultOutbox } from './outbox/outbox-table.ts'
import { type TokenVaultTable, tokenVault } from './schema.ts'
import { quotedName, rowSecurityStatements, tableNames, tokenVaultStatements } from './table-sql.ts'

/**
 * Every migration there has been, in order. The first creates the table as it is now, so that a new database needs no
 * more; each later one must change nothing where the table has its change already.
 */
const migrations: readonly ((table: PgTable) => string[])[] = [tokenVaultStatements]

/**
 * Brings the table of a token vault, or its outbox, up to date: creates it, or makes the changes that later versions of this
 * package bring. Can be called at every start and by several processes at once; one migrates, the others wait for it. All or
 * nothing happens. Row-level security that the table's definition asks for is turned on whenever it is missing, and never
 * off. For apps whose migrations drizzle-kit does not make; it keeps a table of its own,
 * `token_vault_migrations`, and never looks at that of the app.
 *
 * @throws WaxsealTypeError for a transaction or what is no database; WaxsealError `ERR_WAXSEAL_CONFIG` without the right to
 *   create tables, `ERR_WAXSEAL_STORE_UNAVAILABLE` (retryable).
 * @example
 * await migrateTokenVault(db)
 */
export async function migrateTokenVault(
  db: PostgresDatabase,
  table: TokenVaultTable | TokenVaultOutbox = tokenVault,
): Promise<void> {
  checkDatabase(db, {
    transaction: 'others must see the table as soon as it is there',
    replicas: 'a replica takes no migrations',
  })
  const done = migrationsTable(table)
  const name = quotedName(done)
  try {
    await db.transaction(async (transaction) => {
      // Held until the end of the transaction, so that a pooler cannot hand it to somebody else.
      await transaction.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}::text, 0))`)
      const head = sql`create table if not exists ${done} (id integer primary key, applied_at timestamptz not null)`
      await transaction.execute(head)
      const applied = new Set((await transaction.select().from(done)).map(({ id }) => id))
      for (const [index, statements] of migrations.entries()) {
        if (applied.has(index + 1)) continue
        for (const statement of statements(table)) await transaction.execute(sql.raw(statement))
        await transaction.insert(done).values({ id: index + 1, appliedAt: sql`now()` })
      }
      // No migration of ours: the app may turn it on at any time. Its statements lock the table, so not without need.
      if (await isGuarded(transaction, table)) return
      for (const statement of rowSecurityStatements(table)) await transaction.execute(sql.raw(statement))
    })
  } catch (error) {
    throw toWaxsealError(error, tableNames(table))
  }
}

/** Whether the table has the row-level security that its definition asks for. */
async function isGuarded(db: PostgresDatabase, table: PgTable): Promise<boolean> {
  const { enableRLS, policies } = getTableConfig(table)
  if (!enableRLS) return true
  const oid = sql`${quotedName(table)}::text::regclass`
  const found = await db
    .select({ name: sql`polname`, role: sql`rolname`, isForced: sql`relrowsecurity and relforcerowsecurity` })
    .from(sql`pg_class join pg_policy on polrelid = pg_class.oid left join pg_roles on pg_roles.oid = any(polroles)`)
    .where(eq(sql`pg_class.oid`, oid))
  return policies.every(({ name, to }) => {
    const role = to === 'public' ? null : to
    return found.some((policy) => policy.isForced === true && policy.name === name && policy.role === role)
  })
}

function migrationsTable(table: PgTable) {
  const { schema, name } = getTableConfig(table)
  const define = schema === undefined ? pgTable : (pgSchema(schema).table as unknown as typeof pgTable)
  return define(`${name}_migrations`, {
    id: integer('id').primaryKey(),
    appliedAt: timestamp('applied_at', { withTimezone: true }).notNull(),
  })
}
