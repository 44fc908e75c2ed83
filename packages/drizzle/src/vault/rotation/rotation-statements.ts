import { and, asc, eq, gt, isNotNull, notInArray, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../database.ts'
import { listedFields, rowFields } from '../grant-row.ts'
import type { FormerStatus } from '../outbox/former-status.ts'
import { parameter, unnamed } from '../parameters.ts'
import type { tokenVault } from '../schema.ts'

/**
 * What `rotate` reads and writes. It changes neither `version` nor an expiry, so a refresh under way commits all the same; and
 * only where the record is the one that was read, so it takes back nobody's write.
 */
export function prepareRotationStatements(db: PostgresDatabase, table: typeof tokenVault, former: FormerStatus) {
  const { id, tenantId, status } = listedFields(table)
  const ofRecord = and(eq(table.id, parameter('id')), eq(table.encryptedValue, parameter('readValue')))
  const isQuarantined = sql`${table.status} = 'QUARANTINED'`
  const lifted = {
    status: sql`case when ${isQuarantined} then coalesce(${table.statusBefore}, 'ACTIVE') else ${table.status} end`,
    statusBefore: null,
  }
  return {
    sealedAfter: db
      .select(rowFields(table))
      .from(table)
      .where(and(gt(table.id, parameter('after')), isNotNull(table.encryptedValue)))
      .orderBy(asc(table.id))
      .limit(sql.placeholder('limit'))
      .$withCache(false)
      .prepare(unnamed),

    reseal: db
      .with(former)
      .update(table)
      .set({ ...lifted, encryptedValue: parameter('encryptedValue'), kid: parameter('kid') })
      .from(former)
      .where(and(ofRecord, eq(table.id, former.id)))
      .returning({ id, tenantId, status, formerStatus: former.status })
      .prepare(unnamed),

    /** One that is being revoked stays so: it must not come back into use. */
    quarantine: db
      .update(table)
      .set({ status: 'QUARANTINED', statusBefore: sql`${table.status}`, updatedAt: sql`now()` })
      .where(and(ofRecord, notInArray(table.status, ['QUARANTINED', 'REVOKING', 'REVOKED'])))
      .returning({ id, tenantId })
      .prepare(unnamed),

    lift: db
      .update(table)
      .set({ ...lifted, updatedAt: sql`now()` })
      .where(and(ofRecord, isQuarantined))
      .returning({ id, tenantId, status })
      .prepare(unnamed),
  }
}
