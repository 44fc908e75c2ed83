import { eq, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../database.ts'
import type { GrantStatus } from '../grant.ts'
import { parameter } from '../parameters.ts'
import type { tokenVault } from '../schema.ts'

export type FormerStatus = ReturnType<typeof formerStatus>

/**
 * The status that a row has before the statement changes it, since RETURNING knows the new one alone. Locked: without that, it
 * could be the one from before a change that the statement has waited for.
 */
export function formerStatus(db: PostgresDatabase, table: typeof tokenVault) {
  const status = sql<GrantStatus>`${table.status}`.as('former_status')
  const hadDoubt = inDoubt(table).as('had_doubt')
  const row = db
    .select({ id: table.id, status, hadDoubt })
    .from(table)
    .where(eq(table.id, parameter('id')))
  return db.$with('former').as(row.for('no key update'))
}

/** Whether an attempt before the last one has left in doubt what became of the refresh token. */
export function inDoubt(table: typeof tokenVault) {
  return sql<boolean>`${table.inDoubtSince} is not null`
}
