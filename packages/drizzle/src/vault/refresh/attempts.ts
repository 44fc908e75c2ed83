import type { Clock } from '@waxseal/core'
import type { GrantRow } from '../grant-row.ts'
import type { Grants, PreparedGrants } from '../grants.ts'
import { asGrant, type Grant } from '../open-grant.ts'
import type { ProviderProfile, ProviderProfiles } from '../provider-profile.ts'
import type { Tokens } from '../sealed-tokens.ts'
import { observed, type RefreshOutcome } from '../vault-events.ts'
import { askProvider } from './ask-provider.ts'
import { LONGEST_PAUSE_SECONDS, pauseSeconds } from './back-off.ts'
import type { Claim, RefreshRows } from './refresh-rows.ts'
import { MARGIN_SECONDS, type SettingsByProvider, settingsOf } from './refresh-settings.ts'
import type { RefreshWriter } from './refresh-writer.ts'
import type { Refusal } from './refusal.ts'
import { type FreshAccessToken, isUsable } from './standing.ts'
import { type Renewal, renewedTokens } from './token-response.ts'

/** How an attempt ended; with the token, if it brought one. */
export interface Attempted {
  readonly outcome: RefreshOutcome
  readonly token?: FreshAccessToken
}

export interface AttemptParts {
  readonly refreshRows: RefreshRows
  readonly grants: Grants
  readonly writer: RefreshWriter
  readonly profiles: ProviderProfiles
  readonly settings: SettingsByProvider
  readonly clock: Clock
}

/** In seconds: a row that does not open is let alone by those who look for work. */
const UNOPENED_PAUSE = 60

/** What happens to a grant once it is claimed: the provider is asked, and what came of it written down. */
export class Attempts {
  readonly #parts: AttemptParts
  readonly #lateAnswers = new Set<Promise<unknown>>()

  constructor(parts: AttemptParts) {
    this.#parts = parts
  }

  /**
   * Rejects with what keeps the record from opening, or the database's error.
   *
   * @param startedAt when CLAIM was sent: the lease may have begun then
   */
  async run(claim: Claim, sealer: PreparedGrants, startedAt: number): Promise<Attempted> {
    const { refreshRows: rows, grants, profiles, settings, clock } = this.#parts
    const { row } = claim
    return this.#observed(row, async () => {
      const tokens = await grants.open(row).catch(async (error: unknown) => {
        await rows.release(claim, UNOPENED_PAUSE)
        throw error
      })
      const spent = tokens.refresh_token
      const profile: ProviderProfile | undefined = profiles[row.provider]
      if (profile?.refresh === undefined || spent === undefined || !isUsable(spent, claim.attemptStartedAt)) {
        await rows.release(claim, LONGEST_PAUSE_SECONDS)
        await grants.expire(row)
        return { outcome: 'lost' }
      }
      // The process stood still, or the database did: by the time of an answer the lease may be another's.
      if (clock.now() - startedAt > MARGIN_SECONDS * 1000) return this.giveBack(claim)
      const request = { refreshToken: spent.value, grant: asGrant<Grant>(row) }
      const finish = (renewal: Renewal) => this.#finish(claim, tokens, renewal, sealer)
      const late = (renewal: Renewal) => this.#keep(this.#observed(row, () => finish(renewal)))
      const refresh = profile.refresh.bind(profile)
      const { renewal, refusal } = await askProvider(refresh, request, settingsOf(settings, row), late)
      return renewal === undefined ? this.#fail(claim, spent.value, refusal) : finish(renewal)
    })
  }

  /** For whoever comes next. */
  async giveBack(claim: Claim): Promise<Attempted> {
    await this.#parts.refreshRows.release(claim, 0)
    return { outcome: 'lost' }
  }

  /** Resolves once all answers that came late are written. */
  async ended(): Promise<void> {
    await Promise.all(this.#lateAnswers)
  }

  async #finish(claim: Claim, old: Tokens, renewal: Renewal, sealer: PreparedGrants): Promise<Attempted> {
    const { settings, writer } = this.#parts
    const { row, attemptStartedAt } = claim
    const tokens = renewedTokens(old, renewal, attemptStartedAt, settingsOf(settings, row))
    const value = sealer.seal(tokens, row.id, row)
    sealer.release()
    const written = await writer.write(row, { tokens, value, scopes: renewal.scopes })
    if (written === 'superseded' || written === 'withdrawn') return { outcome: 'lost' }
    const { accessToken } = renewal
    const token = { accessToken, expiresAt: value.expiresAt, version: row.version + 1, isStale: false }
    return { outcome: 'refreshed', token }
  }

  async #fail(claim: Claim, spent: string, refusal: Refusal): Promise<Attempted> {
    const { refreshRows: rows, settings } = this.#parts
    const { row } = claim
    const isTerminal = refusal.status === 'REAUTH_REQUIRED'
    const isLost = isTerminal && row.inDoubtSince !== null && settingsOf(settings, row).rotates
    const failed = await rows.fail(claim, {
      status: isLost ? 'LOST_ROTATION' : refusal.status,
      isAnswered: refusal.isAnswered,
      pauseSeconds: pauseSeconds(row.failures, refusal.retryAfterSeconds),
      lastErrorCode: refusal.lastErrorCode,
      lastError: refusal.lastError,
    })
    // Somebody came first, and has a refresh token that the provider takes.
    if (!failed) return { outcome: 'lost' }
    if (isTerminal) await this.#invalidate(row, spent)
    return { outcome: 'failed' }
  }

  /** So that it is never spent again, also after a new access token has made the grant active. */
  async #invalidate({ id, tenantId, version }: GrantRow, spent: string): Promise<void> {
    const marked = this.#parts.grants.amend(id, tenantId, ({ row, tokens }) => {
      const token = tokens.refresh_token
      if (row.version !== version || token?.value !== spent || !token.valid) return undefined
      return { tokens: { ...tokens, refresh_token: { ...token, valid: false } } }
    })
    // The status says the same; a key service that is down by now takes nothing from it.
    await marked.catch(() => {})
  }

  #observed(row: GrantRow, attempt: () => Promise<Attempted>): Promise<Attempted> {
    return observed('refresh', row, attempt, ({ outcome }) => outcome)
  }

  /** Nobody waits for it but {@link ended}. */
  #keep(written: Promise<unknown>): void {
    const kept = written.catch(() => {}).finally(() => this.#lateAnswers.delete(kept))
    this.#lateAnswers.add(kept)
  }
}
