import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, WaxsealError } from '@waxseal/core'
import type { GrantName } from '../grant.ts'
import type { GrantRow } from '../grant-row.ts'
import { type Grants, isInUse, type PreparedGrants } from '../grants.ts'
import type { ProviderProfiles } from '../provider-profile.ts'
import type { Usage } from '../usage.ts'
import type { VaultDatabase } from '../vault-database.ts'
import type { RefreshOutcome } from '../vault-events.ts'
import { type Attempted, Attempts } from './attempts.ts'
import { freshEnough } from './fresh-enough.ts'
import type { RefreshRows, Standing } from './refresh-rows.ts'
import { leaseSeconds, type SettingsByProvider, settingsOf } from './refresh-settings.ts'
import type { RefreshWriter } from './refresh-writer.ts'
import { SingleFlight } from './single-flight.ts'
import { type Demand, type FreshAccessToken, judge } from './standing.ts'
import { until } from './until.ts'

export interface RefresherParts {
  readonly database: VaultDatabase
  readonly refreshRows: RefreshRows
  readonly grants: Grants
  readonly usage: Usage
  readonly writer: RefreshWriter
  readonly profiles: ProviderProfiles
  readonly settings: SettingsByProvider
  readonly clock: Clock
}

/** In milliseconds, between looks at a grant that another process is refreshing: at first, and at most. */
const FIRST_LOOK = 25
const LONGEST_LOOK = 250

/**
 * Refreshes grants, each once however many ask for it, in this process and in others: whoever wins the claim asks the provider,
 * the rest have the old token as long as it will do, or wait.
 */
export class Refresher {
  readonly #parts: RefresherParts
  readonly #attempts: Attempts
  readonly #flights = new SingleFlight<Attempted>()
  readonly #looks = new SingleFlight<undefined>()
  readonly #standings = new SingleFlight<Standing | undefined>()

  constructor(parts: RefresherParts) {
    this.#parts = parts
    this.#attempts = new Attempts(parts)
  }

  /**
   * An access token to send; a newer one than the demand names, if it names one. Notes the use.
   *
   * @param signal after which it begins no refresh; that nobody waits for it any more is its caller's affair
   */
  async get(name: GrantName, asked: Demand | undefined, signal: AbortSignal | undefined): Promise<FreshAccessToken> {
    const { database, refreshRows: rows, grants, usage, profiles, clock } = this.#parts
    database.checkCaller()
    const settings = settingsOf(this.#parts.settings, name)
    let demand = asked
    const kept = demand === undefined ? await grants.readKept(name) : undefined
    const token = kept && freshEnough(kept, settings)
    if (kept !== undefined && token !== undefined) {
      usage.note(kept.row, clock.now())
      return token
    }
    const canRefresh = profiles[name.provider]?.refresh !== undefined
    // No lease runs for longer; whoever takes one meanwhile has as much time as a call that waits.
    const deadline = performance.now() + leaseSeconds(settings) * 1000
    for (;;) {
      // A crowd that finds a token due takes one look at it; only CLAIM decides, whatever has changed since.
      const standing = await this.#standings.gather(JSON.stringify([name, demand]), () =>
        rows.find(name, settings, demand),
      )
      if (standing === undefined) {
        throw new WaxsealError('ERR_WAXSEAL_GRANT_NOT_FOUND', 'There is no such grant: its user has not connected it')
      }
      const { row } = standing
      usage.note(row, clock.now())
      const tokens = isInUse(row) ? await grants.open(row) : {}
      if (row.status === 'QUARANTINED' && (await grants.lifted(row)).status !== row.status) continue
      signal?.throwIfAborted()
      const underWay = this.#flights.get(row.id)
      const verdict = judge(standing, tokens, demand, canRefresh, underWay !== undefined)
      if (typeof verdict === 'object') {
        if ('serve' in verdict) return verdict.serve
        if (verdict.isOver) await grants.expire(row)
        throw verdict.refuse
      }
      const left = deadline - performance.now()
      if (left <= 0) throw pending()
      if (verdict === 'wait' && underWay === undefined) {
        if (!standing.isLeased && demand?.version !== row.version) {
          // The row has another expiry than what is sealed, of a clock that is ahead: nobody else would ever refresh it.
          demand = { version: row.version, reason: 'refused' }
          continue
        }
        const look = this.#looks.run(row.id, () => this.#look(row, left))
        await until(look, left, pending)
        continue
      }
      // Whoever asks the provider waits for as long as the provider may take.
      const flight = this.#flights.run(row.id, () => this.#refresh(row, demand))
      const { token: renewed } = await until(flight, verdict === 'refresh' ? undefined : left, pending)
      if (renewed !== undefined && renewed.version > row.version) return renewed
      // It failed, as the row says now, or is older than this read; or the claim was lost to one that it had not seen.
      await sleep(Math.random() * FIRST_LOOK)
    }
  }

  /**
   * Claims grants that are due, at most so many, and begins with them.
   *
   * @returns how each of them ends
   */
  async begin(limit: number, horizonSeconds: number): Promise<Promise<RefreshOutcome>[]> {
    const { grants, refreshRows: rows, profiles, settings, clock } = this.#parts
    const able = new Map([...settings].filter(([name]) => profiles[name]?.refresh !== undefined))
    const sealers = await Promise.all(Array.from({ length: limit }, () => grants.prepare()))
    const startedAt = clock.now()
    const claims = await rows.claimDue(able, horizonSeconds, limit, randomUUID())
    for (const sealer of sealers.slice(claims.length)) sealer.release()
    return claims.map((claim, index) => {
      const sealer = sealers[index] as PreparedGrants
      // Its lease is over, and it may be writing down the only refresh token that the provider takes by now.
      const isUnderWay = this.#flights.get(claim.row.id) !== undefined
      const attempt = () => this.#attempts.run(claim, sealer, startedAt)
      const flight = isUnderWay ? this.#attempts.giveBack(claim) : this.#flights.begin(claim.row.id, attempt)
      // Why is in the event; one row that does not open keeps no other from being refreshed.
      return flight.then(
        ({ outcome }) => outcome,
        () => 'failed',
      )
    })
  }

  /** Resolves once nothing is under way that would be lost with the process. */
  async ended(): Promise<void> {
    await this.#flights.ended()
    await this.#attempts.ended()
  }

  async #refresh(row: GrantRow, demand: Demand | undefined): Promise<Attempted> {
    const { grants, refreshRows: rows, settings, clock } = this.#parts
    // First of all: without a key to seal with, what the provider gives would be lost.
    const sealer = await grants.prepare()
    const startedAt = clock.now()
    const claim = await rows.claim(row, settingsOf(settings, row), demand, randomUUID())
    if (claim !== undefined) return this.#attempts.run(claim, sealer, startedAt)
    sealer.release()
    return { outcome: 'lost' }
  }

  /** Until whoever is refreshing a grant is done with it, or `most` milliseconds have passed. */
  async #look(row: GrantRow, most: number): Promise<undefined> {
    const end = performance.now() + most
    for (let pause = FIRST_LOOK; performance.now() < end; pause = Math.min(pause * 1.5, LONGEST_LOOK)) {
      await sleep(pause * (0.5 + Math.random()))
      const seen = await this.#parts.refreshRows.findLease(row)
      if (seen === undefined || seen.version !== row.version || !seen.isLeased) return
    }
  }
}

function pending(): WaxsealError {
  const message = 'Somebody else is refreshing the grant, and that takes longer than this call waits'
  return new WaxsealError('ERR_WAXSEAL_GRANT_REFRESH_PENDING', message, { retryable: true })
}
