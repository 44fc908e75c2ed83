import { sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../database.ts'
import { tenantSetting } from './with-tenant.ts'

const unnamed = undefined as unknown as string

/** What is asked of Postgres about row-level security, of the role of the connection. */
export function prepareTenancyStatements(db: PostgresDatabase, quotedTable: string) {
  const table = sql`${quotedTable}::text::regclass`
  const isBound = sql<boolean>`row_security_active(${table})`
  const ofThisRole = sql`exists (select from unnest(polroles) as role where role = 0 or pg_has_role(role, 'usage'))`
  const showsAll = sql`polrelid = ${table} and polcmd = '*' and pg_get_expr(polqual, polrelid) = 'true'`
  return {
    /** Sets the tenant for the transaction, and tells whether the table's policy holds for the role at all. */
    enterTenant: db
      .select({ isBound })
      .from(tenantSetting(sql.placeholder('tenantId')))
      .prepare(unnamed),

    /** Whether the role sees the rows of all tenants. */
    lookAround: db
      .select({
        seesAll: sql<boolean>`not ${isBound} or exists (select from pg_policy where ${showsAll} and ${ofThisRole})`,
      })
      .from(sql`(values (1)) as one`)
      .prepare(unnamed),
  }
}
