import { sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../database.ts'
import { unnamed } from './parameters.ts'
import { tenantSetting } from './with-tenant.ts'

/** What is asked of Postgres about row-level security of all these tables, for the role of the connection. */
export function prepareTenancyStatements(db: PostgresDatabase, quotedTables: readonly string[]) {
  const oids = quotedTables.map((name) => sql`(${name}::text::regclass)`)
  const tables = sql`(values ${sql.join(oids, sql`, `)}) as guarded(oid)`
  const isBound = sql`row_security_active(guarded.oid)`
  const ofThisRole = sql`exists (select from unnest(polroles) as role where role = 0 or pg_has_role(role, 'usage'))`
  const showsAll = sql`polrelid = guarded.oid and polcmd = '*' and pg_get_expr(polqual, polrelid) = 'true'`
  return {
    /** Sets the tenant for the transaction, and tells whether the table's policy holds for the role at all. */
    enterTenant: db
      .select({ isBound: sql<boolean>`bool_and(${isBound})` })
      .from(sql`${tenantSetting(sql.placeholder('tenantId'))}, ${tables}`)
      .prepare(unnamed),

    /** Whether the role sees the rows of all tenants. */
    lookAround: db
      .select({
        seesAll: sql<boolean>`bool_and(not ${isBound} or exists (select from pg_policy where ${showsAll} and ${ofThisRole}))`,
      })
      .from(tables)
      .prepare(unnamed),
  }
}
