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
  const policies = sql`from pg_policy where polrelid = guarded.oid and ${ofThisRole}`
  const rows = sql`pg_get_expr(polqual, polrelid)`
  const showsAll = sql`exists (select ${policies} and polpermissive and polcmd = '*' and ${rows} = 'true')`
  // Of any command: to an update or a delete, too, a row that is hidden is not there.
  const restrictive = sql`${policies} and not polpermissive and ${rows} <> 'true'`
  const restrictiveNames = sql`(select string_agg(format('%I on %s', polname, polrelid::regclass), ', ') ${restrictive})`
  return {
    /** Sets the tenant for the transaction, and tells whether the table's policy holds for the role at all. */
    enterTenant: db
      .select({ isBound: sql<boolean>`bool_and(${isBound})` })
      .from(sql`${tenantSetting(sql.placeholder('tenantId'))}, ${tables}`)
      .prepare(unnamed),

    /** Whether a policy shows the role the rows of all tenants, and which others take some away again; null: none. */
    lookAround: db
      .select({
        isShownAll: sql<boolean>`bool_and(not ${isBound} or ${showsAll})`,
        restrictedBy: sql<string | null>`string_agg(${restrictiveNames}, ', ') filter (where ${isBound})`,
      })
      .from(tables)
      .prepare(unnamed),
  }
}
