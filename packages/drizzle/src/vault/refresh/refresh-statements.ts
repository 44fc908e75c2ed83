import { and, asc, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../database.ts'
import { listedFields, rowFields } from '../grant-row.ts'
import { type FormerStatus, inDoubt } from '../outbox/former-status.ts'
import { flag, json, parameter, seconds, textArray, unnamed } from '../parameters.ts'
import { isAskable, type tokenVault } from '../schema.ts'
import { LONGEST_PAUSE_SECONDS } from './back-off.ts'
import { LONGEST_LEASE_SECONDS } from './refresh-settings.ts'

/** What the statements of the vault share with these. */
interface SharedParts {
  readonly named: SQL | undefined
  readonly former: FormerStatus
  readonly ofId: SQL
  readonly value: Record<'encryptedValue' | 'kid' | 'expiresAt' | 'refreshExpiresAt' | 'updatedAt', SQL>
  readonly newAuthority: Record<string, unknown>
}

/** How a profile enters a statement. */
interface Terms {
  readonly buffer: SQL
  readonly rotates: SQL
  readonly grace: SQL
  /** The version to be refreshed whatever its expiry; null: none. */
  readonly forced: SQL
  /** Whether it is known to be of no use, so that a reuse of the refresh token costs nothing that still runs. */
  readonly refused: SQL
}

// The database's clock alone decides; and that of the statement, which an index can be searched with.
const now = sql`statement_timestamp()`

/** CLAIM, COMMIT, FAIL and RELEASE. Each decides and writes in one statement: no lock outlives it. */
export function prepareRefreshStatements(db: PostgresDatabase, table: typeof tokenVault, shared: SharedParts) {
  const { named, former, ofId, value, newAuthority } = shared
  const { tenantId } = listedFields(table)
  const conditions = conditionsOf(table)
  const terms: Terms = {
    buffer: seconds('bufferSeconds'),
    rotates: flag('rotates'),
    grace: seconds('graceSeconds'),
    forced: sql`${parameter('forcedVersion')}::integer`,
    refused: flag('isRefused'),
  }
  const ofClaim = and(ofId, eq(table.version, parameter('claimedVersion')))
  const ofHolder = and(ofClaim, eq(table.leaseOwner, parameter('owner')))
  const claimed = { row: rowFields(table), attemptStartedAt: milliseconds(sql`${table.attemptStartedAt}`) }
  // As before the claim. One retry is allowed in doubt, and an attempt that spent nothing was none.
  const doubtBefore = sql`case when ${flag('hadDoubt')} then ${table.inDoubtSince} end`
  const taken = {
    leaseOwner: parameter('owner'),
    // What was in doubt before stays in doubt: the mark of this attempt may be cleared, that one not.
    inDoubtSince: sql`coalesce(${table.inDoubtSince}, ${table.attemptStartedAt})`,
    attemptStartedAt: sql`clock_timestamp()`,
  }
  const due = dueGrants(db, table, conditions)
  const noLease = { leaseOwner: null, leaseUntil: null }
  const pause = sql`clock_timestamp() + ${seconds('pauseSeconds')}`

  return {
    /** A grant, and whether it can be refreshed now or else why not. */
    findStanding: db
      .select({ row: rowFields(table), ...standingFields(conditions, terms) })
      .from(table)
      .where(named)
      .$withCache(false)
      .prepare(unnamed),

    /** Whether a refresh is under way. */
    findLease: db
      .select({ version: table.version, isLeased: boolean(conditions.leased) })
      .from(table)
      .where(ofId)
      .$withCache(false)
      .prepare(unnamed),

    claim: db
      .with(former)
      .update(table)
      .set({ ...taken, leaseUntil: sql`clock_timestamp() + ${seconds('leaseSeconds')}` })
      .from(former)
      .where(and(ofId, conditions.claimable(terms), eq(table.id, former.id)))
      .returning({ ...claimed, hadDoubt: former.hadDoubt })
      .prepare(unnamed),

    /** Of any grants that are due, the first to expire first; rows that somebody else is writing are passed over. */
    claimDue: db
      .with(due)
      .update(table)
      .set({ ...taken, leaseUntil: sql`clock_timestamp() + ${due.lease} * interval '1 second'` })
      .from(due)
      .where(eq(table.id, due.id))
      .returning({ ...claimed, hadDoubt: due.hadDoubt })
      .prepare(unnamed),

    /**
     * Fenced by the version, not by the owner: a holder that was slow has the only refresh token that the provider takes, as
     * long as no other has come.
     */
    commit: db
      .update(table)
      .set({
        ...value,
        ...newAuthority,
        status: 'ACTIVE',
        scopes: sql`case when ${parameter('scopes')}::text is null then ${table.scopes} else ${textArray('scopes')} end`,
        lastErrorCode: null,
        lastError: null,
        lastRefreshedAt: sql`clock_timestamp()`,
      })
      .where(ofClaim)
      .returning(rowFields(table))
      .prepare(unnamed),

    /** An answer ends the doubt about this attempt; where there was one before, that is where the row falls back to. */
    fail: db
      .with(former)
      .update(table)
      .set({
        ...noLease,
        status: sql`${parameter('status')}`,
        attemptStartedAt: sql`case when ${flag('isAnswered')} then ${table.inDoubtSince} else ${table.attemptStartedAt} end`,
        inDoubtSince: sql`case when ${flag('isAnswered')} then ${doubtBefore} else ${table.inDoubtSince} end`,
        retryAfter: pause,
        failures: sql`${table.failures} + 1`,
        lastErrorCode: parameter('lastErrorCode'),
        lastError: parameter('lastError'),
        updatedAt: value.updatedAt,
      })
      .from(former)
      .where(and(ofHolder, eq(table.id, former.id)))
      .returning({ id: table.id, tenantId, status: table.status, formerStatus: former.status })
      .prepare(unnamed),

    /** Nothing was sent. */
    release: db
      .update(table)
      .set({
        ...noLease,
        attemptStartedAt: sql`${table.inDoubtSince}`,
        inDoubtSince: doubtBefore,
        retryAfter: pause,
      })
      .where(ofHolder)
      .returning({ id: table.id })
      .prepare(unnamed),
  }
}

/**
 * The ids of grants to claim, and for how many seconds. Locked, so that Postgres runs it once and first, whatever the plan: of a
 * subquery with a LIMIT alone, a nested loop takes the first few again for each row.
 */
function dueGrants(db: PostgresDatabase, table: typeof tokenVault, { claimable }: Conditions) {
  const columns = sql.raw('provider text, buffer float8, lease float8, rotates boolean, grace float8')
  const profile = sql`jsonb_to_recordset(${json('profiles')}) as profile(${columns})`
  const terms: Terms = {
    buffer: sql`profile.buffer * interval '1 second'`,
    rotates: sql`profile.rotates`,
    grace: sql`profile.grace * interval '1 second'`,
    forced: sql`null::integer`,
    refused: sql`false`,
  }
  const rows = db
    .select({ id: table.id, lease: sql<number>`profile.lease`.as('lease'), hadDoubt: inDoubt(table).as('had_doubt') })
    .from(table)
    .innerJoin(profile, sql`profile.provider = ${table.provider}`)
    .where(
      and(
        eq(table.kind, 'oauth'),
        // Says nothing that the rest does not say, but lets the index on expires_at find the rows.
        sql`${table.expiresAt} <= ${now} + ${seconds('longestBufferSeconds')}`,
        sql`coalesce(${table.refreshExpiresAt} > ${now}, true)`,
        claimable(terms),
      ),
    )
    .orderBy(asc(table.expiresAt))
    .limit(sql.placeholder('limit'))
    .for('update', { skipLocked: true })
  return db.$with('due').as(rows)
}

type Conditions = ReturnType<typeof conditionsOf>

/** Every condition is true or false, never null. */
function conditionsOf(table: typeof tokenVault) {
  // Of what lies further ahead than it can have been set, the clock was set back since. By the time of the row, not of the
  // statement: one that has waited for a lock would take a lease that somebody got meanwhile for such a leftover.
  const isAhead = (column: SQL, most: number) =>
    sql`coalesce(${column} > ${now} and ${column} <= clock_timestamp() + ${most} * interval '1 second', false)`
  const leased = isAhead(sql`${table.leaseUntil}`, LONGEST_LEASE_SECONDS)
  const heldBack = isAhead(sql`${table.retryAfter}`, LONGEST_PAUSE_SECONDS)
  const recent = isAhead(sql`${table.lastRefreshedAt} + interval '1 minute'`, 60)
  const expired = sql`coalesce(${table.expiresAt} <= ${now}, false)`
  // No sooner than halfway through: a token that runs for less than the buffer would be due as soon as it came.
  // Of finite instants alone: Postgres below 17 fails at others, and one such row would fail every sweep.
  const lifetime = sql`${table.expiresAt} - ${table.lastRefreshedAt}`
  const isLife = sql`${table.expiresAt} > ${table.lastRefreshedAt} and isfinite(${table.expiresAt}) and isfinite(${table.lastRefreshedAt})`
  const half = sql`case when ${isLife} then (${lifetime}) / 2 end`
  const due = (buffer: SQL) => sql`coalesce(${table.expiresAt} <= ${now} + least(${buffer}, ${half}), false)`
  const forced = (version: SQL) => sql`coalesce(${table.version} = ${version} and not ${recent}, false)`
  /** Whether the refresh token may be spent although nobody knows whether it was. */
  const dares = ({ rotates, grace, forced: version, refused }: Terms) => {
    const once = sql`${table.inDoubtSince} is null and ${table.attemptStartedAt} + ${grace} >= ${now}`
    const isOver = sql`${expired} or (${refused} and ${forced(version)})`
    return sql`(${table.attemptStartedAt} is null or not ${rotates} or (${once}) or ${isOver})`
  }
  const claimable = (terms: Terms) =>
    and(
      isAskable(table.status),
      isNotNull(table.encryptedValue),
      sql`not ${leased}`,
      sql`not ${heldBack}`,
      sql`(${due(terms.buffer)} or ${forced(terms.forced)})`,
      dares(terms),
    ) as SQL
  return { leased, heldBack, recent, due, claimable }
}

function standingFields({ leased, heldBack, recent, due, claimable }: Conditions, terms: Terms) {
  return {
    now: milliseconds(now),
    isDue: boolean(due(terms.buffer)),
    isLeased: boolean(leased),
    isHeldBack: boolean(heldBack),
    isRecent: boolean(recent),
    isClaimable: boolean(claimable(terms)),
  }
}

/** Since the epoch. */
function milliseconds(instant: SQL) {
  return sql<number>`(extract(epoch from ${instant}) * 1000)::float8`.mapWith(Number)
}

function boolean(condition: SQL) {
  return sql<boolean>`${condition}`
}
