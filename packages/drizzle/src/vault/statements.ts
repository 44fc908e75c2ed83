import { and, asc, eq, gt, lte, notInArray, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../database.ts'
import { keptFields, listedFields, rowFields } from './grant-row.ts'
import { formerStatus } from './outbox/former-status.ts'
import { ifGiven, instant, json, parameter, textArray, unnamed } from './parameters.ts'
import { prepareRefreshStatements } from './refresh/refresh-statements.ts'
import { prepareRotationStatements } from './rotation/rotation-statements.ts'
import type { TokenVaultTable, tokenVault } from './schema.ts'

/** What {@link prepareStatements} makes. */
export type Statements = ReturnType<typeof prepareStatements>

/**
 * The statements of a vault, built once: to build one anew for every call costs Drizzle twice the CPU time of everything
 * else. Each is one round trip outside any transaction, and takes instants and lists as text, which every driver passes
 * on as it is.
 */
export function prepareStatements(db: PostgresDatabase, anyTable: TokenVaultTable) {
  // Its tenant's type and its extra columns may differ; no statement depends on either.
  const table = anyTable as unknown as typeof tokenVault
  const row = rowFields(table)
  const listed = listedFields(table)
  const ofId = eq(table.id, parameter('id'))
  const ofProvider = and(eq(table.tenantId, parameter('tenantId')), eq(table.provider, parameter('provider')))
  const named = and(ofProvider, eq(table.account, parameter('account')), eq(table.kind, parameter('kind')))
  // As JSON, since drivers disagree on how arrays are passed; with the tenant's own type, so that the index serves.
  const wanted = sql.raw(`wanted("tenantId" ${table.tenantId.getSQLType()}, provider text, account text, kind text)`)
  const isWanted = sql`(${table.tenantId}, ${table.provider}, ${table.account}, ${table.kind}) in (
    select wanted."tenantId", wanted.provider, wanted.account, wanted.kind from jsonb_to_recordset(${json('names')}) as ${wanted})`
  // Both: a revocation moves the version alone, a new access token the value alone.
  const asRead = and(
    ofId,
    eq(table.version, parameter('readVersion')),
    sql`${table.encryptedValue} is not distinct from ${parameter('readValue')}`,
  )
  const value = {
    encryptedValue: parameter('encryptedValue'),
    kid: parameter('kid'),
    expiresAt: instant('expiresAt'),
    refreshExpiresAt: instant('refreshExpiresAt'),
    updatedAt: sql`now()`,
  }
  const details = { scopes: textArray('scopes'), metadata: json('metadata') }
  const former = formerStatus(db, table)
  const deleted = { id: table.id, tenantId: listed.tenantId }
  const renewed = { ...value, ...details, status: 'ACTIVE' as const, lastErrorCode: null, lastError: null }
  const amended = {
    ...value,
    status: sql`coalesce(${parameter('status')}, ${table.status})`,
    lastErrorCode: sql`coalesce(${parameter('lastErrorCode')}, ${table.lastErrorCode})`,
    lastError: sql`coalesce(${parameter('lastError')}, ${table.lastError})`,
  }
  // A refresh under way is about a refresh token that is no longer this one: its commit must not match.
  const newAuthority = {
    version: sql`${table.version} + 1`,
    leaseOwner: null,
    leaseUntil: null,
    attemptStartedAt: null,
    inDoubtSince: null,
    retryAfter: null,
    failures: 0,
  }

  return {
    // $withCache(false): a cache that the app gave to Drizzle must not answer for the database.
    find: db.select(row).from(table).where(named).$withCache(false).prepare(unnamed),

    findOne: db.select(keptFields(table)).from(table).where(named).$withCache(false).prepare(unnamed),

    findMany: db.select(keptFields(table)).from(table).where(isWanted).$withCache(false).prepare(unnamed),

    findById: db.select(row).from(table).where(ofId).$withCache(false).prepare(unnamed),

    /** Nothing where a row of that name is there already: the record is sealed for the id of this one. */
    insert: db
      .insert(table)
      .values({
        id: parameter('id'),
        tenantId: parameter('tenantId'),
        provider: parameter('provider'),
        account: parameter('account'),
        kind: parameter('kind'),
        ...renewed,
        version: 1,
        failures: 0,
        createdAt: sql`now()`,
      })
      .onConflictDoNothing({ target: [table.tenantId, table.provider, table.account, table.kind] })
      .returning(listed)
      .prepare(unnamed),

    /** With a new access token beside the refresh token that is there. */
    renew: db.update(table).set(renewed).where(asRead).returning(listed).prepare(unnamed),

    /** With a new refresh token, or another secret that stands for the whole grant. */
    replace: db
      .update(table)
      .set({ ...renewed, ...newAuthority })
      .where(asRead)
      .returning(listed)
      .prepare(unnamed),

    /** Something about its tokens has become known; the refresh token stays. */
    amend: db
      .with(former)
      .update(table)
      .set(amended)
      .from(former)
      .where(and(asRead, eq(table.id, former.id)))
      .returning({ ...listed, formerStatus: former.status })
      .prepare(unnamed),

    /** As amend, where the refresh token went. */
    reduce: db
      .with(former)
      .update(table)
      .set({ ...amended, ...newAuthority })
      .from(former)
      .where(and(asRead, eq(table.id, former.id)))
      .returning({ ...listed, formerStatus: former.status })
      .prepare(unnamed),

    setMetadata: db
      .update(table)
      .set({ metadata: details.metadata, updatedAt: value.updatedAt })
      .where(named)
      .returning(listed)
      .prepare(unnamed),

    beginRevoking: db
      .update(table)
      .set({ ...newAuthority, status: 'REVOKING', updatedAt: value.updatedAt })
      .where(and(named, notInArray(table.status, ['REVOKING', 'REVOKED'])))
      .returning(row)
      .prepare(unnamed),

    endRevoking: db
      .update(table)
      .set({
        status: 'REVOKED',
        encryptedValue: null,
        kid: null,
        expiresAt: null,
        refreshExpiresAt: null,
        updatedAt: value.updatedAt,
      })
      .where(and(ofId, eq(table.version, parameter('readVersion')), eq(table.status, 'REVOKING')))
      .returning(listed)
      .prepare(unnamed),

    delete: db.delete(table).where(named).returning(deleted).prepare(unnamed),

    deleteAsRead: db.delete(table).where(asRead).returning(deleted).prepare(unnamed),

    deleteProvider: db.delete(table).where(ofProvider).returning(deleted).prepare(unnamed),

    list: db
      .select(listed)
      .from(table)
      .where(
        and(
          gt(table.id, parameter('after')),
          ifGiven(table.tenantId, 'tenantId'),
          ifGiven(table.provider, 'provider'),
          ifGiven(table.status, 'status'),
          sql`(${parameter('expiringBefore')}::text is null or ${table.expiresAt} < ${instant('expiringBefore')})`,
        ),
      )
      .orderBy(asc(table.id))
      .limit(sql.placeholder('limit'))
      .$withCache(false)
      .prepare(unnamed),

    /** The access tokens that nobody has reported invalid: of the others, `expires_at` has passed. */
    listExpiring: db
      .select(listed)
      .from(table)
      .where(
        and(
          eq(table.kind, 'oauth'),
          eq(table.status, 'ACTIVE'),
          gt(table.expiresAt, instant('now')),
          lte(table.expiresAt, instant('until')),
          ifGiven(table.provider, 'provider'),
        ),
      )
      .orderBy(asc(table.expiresAt), asc(table.id))
      .$withCache(false)
      .prepare(unnamed),

    count: db
      .select({ status: table.status, grants: sql<number>`count(*)::float8`.mapWith(Number) })
      .from(table)
      .where(and(ifGiven(table.tenantId, 'tenantId'), ifGiven(table.provider, 'provider')))
      .groupBy(table.status)
      .$withCache(false)
      .prepare(unnamed),

    ...prepareRefreshStatements(db, table, { named, former, ofId, value, newAuthority }),

    ...prepareRotationStatements(db, table, former),
  }
}
