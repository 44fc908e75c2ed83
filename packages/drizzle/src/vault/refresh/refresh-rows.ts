import type { GrantName, GrantStatus } from '../grant.ts'
import type { GrantRow } from '../grant-row.ts'
import { asParameters, type SealedValue } from '../grant-rows.ts'
import type { ReportedError } from '../reported-error.ts'
import type { VaultDatabase } from '../vault-database.ts'
import { leaseSeconds, type RefreshSettings, type SettingsByProvider } from './refresh-settings.ts'
import type { Demand } from './standing.ts'

/** A grant as the database sees it at one moment. */
export interface Standing {
  readonly row: GrantRow
  /** Milliseconds since the epoch, by the database's clock, as all that follows. */
  readonly now: number
  /** Whether its access token expires within the buffer, or has. */
  readonly isDue: boolean
  /** Whether somebody is refreshing it. */
  readonly isLeased: boolean
  /** Whether the provider is not to be asked yet, after a failure. */
  readonly isHeldBack: boolean
  /** Whether it was refreshed less than a minute ago. */
  readonly isRecent: boolean
  readonly isClaimable: boolean
}

/** A grant whose refresh is ours. */
export interface Claim {
  readonly row: GrantRow
  readonly owner: string
  /** Milliseconds since the epoch, by the database's clock: what lifetimes are counted from. */
  readonly attemptStartedAt: number
  /** Whether more than one attempt before this one has left in doubt whether the refresh token is spent. */
  readonly hadDoubt: boolean
}

/** What became of an attempt that brought no tokens. */
export interface Failure extends ReportedError {
  readonly status: GrantStatus
  /** Whether the provider is known not to have spent the refresh token. */
  readonly isAnswered: boolean
  readonly pauseSeconds: number
}

/** The rows of a vault as the refresh protocol moves them, in single statements. */
export class RefreshRows {
  readonly #database: VaultDatabase

  constructor(database: VaultDatabase) {
    this.#database = database
  }

  /** @param demand for the version that is to be refreshed whatever its expiry */
  async find(name: GrantName, settings: RefreshSettings, demand: Demand | undefined): Promise<Standing | undefined> {
    const values = { ...name, ...terms(settings, demand) }
    const [standing] = await this.#database.run(name.tenantId, ({ findStanding }) => findStanding.execute(values))
    return standing
  }

  async findLease({ id, tenantId }: GrantRow): Promise<{ version: number; isLeased: boolean } | undefined> {
    const [row] = await this.#database.run(tenantId, ({ findLease }) => findLease.execute({ id }))
    return row
  }

  /** Nothing where somebody else was first, or it is no longer due. */
  async claim(
    { id, tenantId }: GrantRow,
    settings: RefreshSettings,
    demand: Demand | undefined,
    owner: string,
  ): Promise<Claim | undefined> {
    const values = { id, owner, leaseSeconds: leaseSeconds(settings), ...terms(settings, demand) }
    const [claimed] = await this.#database.run(tenantId, ({ claim }) => claim.execute(values))
    return claimed && { ...claimed, owner }
  }

  /** At most so many grants that are due, of these providers and of any tenant. */
  async claimDue(settings: SettingsByProvider, horizonSeconds: number, limit: number, owner: string): Promise<Claim[]> {
    const profiles = [...settings].map(([provider, one]) => ({
      provider,
      buffer: Math.max(one.expiryBufferSeconds, horizonSeconds),
      lease: leaseSeconds(one),
      rotates: one.rotates,
      grace: one.graceSeconds,
    }))
    const longestBufferSeconds = Math.max(0, ...profiles.map(({ buffer }) => buffer))
    const values = { owner, limit, longestBufferSeconds, profiles: JSON.stringify(profiles) }
    const claimed = await this.#database.run(undefined, ({ claimDue }) => claimDue.execute(values))
    return claimed.map((one) => ({ ...one, owner }))
  }

  /** @param scopes undefined: as before */
  async commit(
    { id, tenantId, version }: Pick<GrantRow, 'id' | 'tenantId' | 'version'>,
    value: SealedValue,
    scopes: readonly string[] | undefined,
  ): Promise<GrantRow | undefined> {
    const values = {
      id,
      claimedVersion: version,
      ...asParameters(value),
      scopes: scopes ? JSON.stringify(scopes) : null,
    }
    const [row] = await this.#database.run(tenantId, ({ commit }) => commit.execute(values))
    return row
  }

  /** False where the grant has moved on, or the lease is another's by now. */
  async fail(claim: Claim, failure: Failure): Promise<boolean> {
    const values = { ...ofHolder(claim), ...failure }
    const failed = await this.#database.run(claim.row.tenantId, ({ fail }) => fail.execute(values))
    return failed.length > 0
  }

  /** Gives the claim back, as nothing was sent, and leaves the grant alone for so long. */
  async release(claim: Claim, pauseSeconds: number): Promise<void> {
    const values = { ...ofHolder(claim), pauseSeconds }
    await this.#database.run(claim.row.tenantId, ({ release }) => release.execute(values))
  }
}

function terms({ expiryBufferSeconds, rotates, graceSeconds }: RefreshSettings, demand: Demand | undefined) {
  const forced = { forcedVersion: demand?.version ?? null, isRefused: demand?.reason === 'refused' }
  return { bufferSeconds: expiryBufferSeconds, rotates, graceSeconds, ...forced }
}

function ofHolder({ row: { id, version }, owner, hadDoubt }: Claim) {
  return { id, claimedVersion: version, owner, hadDoubt }
}
