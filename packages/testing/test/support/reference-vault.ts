import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeTokenResponse, FreshUnderTest, SelectorUnderTest, VaultUnderTest } from '../../src/index.ts'
import { ReferenceGrants } from './reference-grants.ts'
import { type Row, type Tokens, VaultError } from './reference-table.ts'
import { asDate, isWithdrawn } from './reference-tokens.ts'

const BUFFER = 300_000
const LEAST_STALE = 30_000
const PAUSE = 1000
const MARGIN = 1000
const MINUTE = 60_000

const FAILED = 'ERR_WAXSEAL_GRANT_REFRESH_FAILED'

/** What a refresh that brought nothing means. */
export interface Refusal {
  readonly status: string
  readonly isAnswered: boolean
  readonly pause: number
  readonly lastErrorCode: string
}

/** The whole vault: grants, and their refresh by a claim, a call and a commit. */
export class ReferenceVault extends ReferenceGrants implements VaultUnderTest {
  readonly #flights = new Set<Promise<unknown>>()

  async getFreshAccessToken(selector: SelectorUnderTest, { signal }: { signal?: AbortSignal } = {}) {
    const call = this.#fresh(selector, undefined)
    if (signal === undefined) return call
    call.catch(() => {})
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return Promise.race([call, aborted])
  }

  async reportUnauthorized(selector: SelectorUnderTest, version: number): Promise<FreshUnderTest> {
    return this.#fresh(selector, version)
  }

  async refreshGrant(selector: SelectorUnderTest): Promise<FreshUnderTest> {
    const row = await this.table.find(this.select(selector))
    return this.#fresh(selector, row?.version)
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.#flights)
  }

  /** How long the provider may take, in milliseconds. */
  protected timeout(): number {
    return this.providers.acme.refreshTimeoutSeconds * 1000
  }

  protected isLeased({ leaseUntil }: Row): boolean {
    return leaseUntil > Date.now()
  }

  protected isForced(row: Row, reported: number | undefined): boolean {
    return row.version === reported
  }

  /** Whether the refresh token may be spent, although it may have been spent before. */
  protected dares(row: Row, reported: number | undefined): boolean {
    return !(row.attempt || row.doubt) || Number(row.expiresAt) <= Date.now() || this.isForced(row, reported)
  }

  /** Whether an old token will do for those who lose the claim. */
  protected servesStale(expiresAt: number | null): boolean {
    return expiresAt === null || expiresAt - Date.now() >= LEAST_STALE
  }

  protected expiryOf({ expires_in }: FakeTokenResponse, sentAt: number): Date | null {
    return new Date(sentAt + (expires_in ?? this.providers.acme.defaultLifetimeSeconds) * 1000)
  }

  protected isCommitted(claim: Row): (row: Row) => boolean {
    return ({ version }) => version === claim.version
  }

  protected isFailed(claim: Row): (row: Row) => boolean {
    return ({ version, leaseOwner }) => version === claim.version && leaseOwner === claim.leaseOwner
  }

  /** The refusal of a provider as callers see it. */
  protected failure(refusal: Pick<Refusal, 'status'>, _cause: unknown): Error {
    return new VaultError(refusal.status === 'CONFIG_ERROR' ? 'ERR_WAXSEAL_CONFIG' : FAILED)
  }

  protected codeOf(error: unknown): string {
    return String((error as { error?: unknown }).error ?? 'no_answer')
  }

  protected async end(row: Row, refusal: Refusal): Promise<void> {
    const { status, isAnswered, pause, lastErrorCode } = refusal
    const isLost = status === 'REAUTH_REQUIRED' && row.doubt
    const failed = await this.table.update(row.id, this.isFailed(row), {
      leaseUntil: 0,
      leaseOwner: null,
      status: isLost ? 'LOST_ROTATION' : status,
      attempt: !isAnswered,
      retryAfter: Date.now() + pause,
      lastErrorCode,
    })
    if (failed !== undefined && status === 'REAUTH_REQUIRED') {
      await this.amend(row.id, undefined, (tokens) => ({ tokens: this.invalidate(tokens, 'refresh_token') }))
    }
  }

  async #fresh(selector: SelectorUnderTest, reported: number | undefined): Promise<FreshUnderTest> {
    const deadline = Date.now() + this.timeout() + MARGIN
    for (;;) {
      const row = await this.table.find(this.select(selector))
      if (row === undefined) throw new VaultError('ERR_WAXSEAL_GRANT_NOT_FOUND')
      const served = await this.#step(row, reported)
      if (served !== undefined) return served
      if (Date.now() > deadline) throw new VaultError('ERR_WAXSEAL_GRANT_REFRESH_PENDING')
      await sleep(10)
    }
  }

  /** One look at the row; undefined: look again. */
  async #step(row: Row, reported: number | undefined): Promise<FreshUnderTest | undefined> {
    const { access_token, refresh_token } = this.open(row)
    const isOld = row.version === reported
    const isForced = this.isForced(row, reported)
    const isDue = row.expiresAt !== null && row.expiresAt <= Date.now() + BUFFER
    const isRunning = access_token?.valid && !this.hasExpired(access_token)
    const isStale = isDue || isForced
    const { version } = row
    const serve = () => ({ accessToken: access_token?.value ?? '', expiresAt: asDate(row.expiresAt), version, isStale })
    if (isRunning && !isStale) return serve()
    const mayServe = isRunning && !isOld
    const canRefresh = ['ACTIVE', 'REFRESH_FAILED', 'CONFIG_ERROR'].includes(row.status)
    if (row.provider !== 'acme' || !refresh_token?.valid || !canRefresh) {
      if (mayServe) return serve()
      throw new VaultError('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    }
    if (this.isLeased(row)) return mayServe && this.servesStale(row.expiresAt) ? serve() : undefined
    const isTooSoon = isForced && !isDue && row.lastRefreshedAt > Date.now() - MINUTE
    const isHeldBack = row.retryAfter > Date.now()
    if (isHeldBack || isTooSoon || !this.dares(row, reported)) {
      if (mayServe) return serve()
      throw this.failure(row, undefined)
    }
    return this.#claim(row)
  }

  async #claim(row: Row): Promise<FreshUnderTest | undefined> {
    const isSame = (now: Row) => now.version === row.version && !this.isLeased(now) && now.retryAfter <= Date.now()
    const claim = await this.table.update(row.id, isSame, {
      leaseOwner: randomUUID(),
      leaseUntil: Date.now() + this.timeout() + MARGIN,
      doubt: row.doubt || row.attempt,
      attempt: true,
    })
    if (claim === undefined) return undefined
    const flight = this.#refresh(claim)
    const settled = flight.catch(() => {})
    this.#flights.add(settled)
    void settled.then(() => this.#flights.delete(settled))
    const timeout = sleep(this.timeout(), 'timeout', { ref: false })
    const first = await Promise.race([flight, timeout])
    if (first !== 'timeout') return first as FreshUnderTest | undefined
    const refusal = { status: 'REFRESH_FAILED', isAnswered: false, pause: PAUSE, lastErrorCode: 'timeout' }
    await this.end(claim, refusal)
    throw this.failure(refusal, undefined)
  }

  /** Resolves to nothing where the caller is to look again. */
  async #refresh(claim: Row): Promise<FreshUnderTest | undefined> {
    const sentAt = Date.now()
    const old = this.open(claim)
    let answer: FakeTokenResponse
    try {
      answer = await this.providers.acme.refresh({ refreshToken: old.refresh_token?.value ?? '' })
      if (typeof answer?.access_token !== 'string' || answer.access_token === '') throw new Error('no tokens')
    } catch (error) {
      const refusal = this.#refusalOf(error)
      await this.end(claim, refusal)
      if (refusal.status === 'REAUTH_REQUIRED' || this.#mayStillServe(old)) return undefined
      throw this.failure(refusal, error)
    }
    const { access_token, refresh_token = old.refresh_token?.value ?? '' } = answer
    const tokens = {
      access_token: { value: access_token, expiresAt: this.expiryOf(answer, sentAt), valid: true },
      refresh_token: { value: refresh_token, expiresAt: null, valid: true },
    }
    const change = {
      ...this.sealed(tokens, claim),
      ...this.newAuthority(claim),
      status: 'ACTIVE',
      lastRefreshedAt: sentAt,
    }
    const row = await this.table.update(claim.id, this.isCommitted(claim), { ...change, lastErrorCode: null })
    if (row === undefined) return this.#giveBack(claim, tokens)
    const expiresAt = tokens.access_token.expiresAt
    return { accessToken: access_token, expiresAt, version: row.version, isStale: false }
  }

  #mayStillServe({ access_token }: Tokens): boolean {
    return access_token?.valid === true && !this.hasExpired(access_token)
  }

  /** Tokens that nobody will use, of a grant that is over. */
  async #giveBack(claim: Row, tokens: Tokens): Promise<undefined> {
    const [row] = await this.table.select(({ id }) => id === claim.id)
    if (row === undefined || isWithdrawn(row)) await this.revokeAtProvider(tokens)
  }

  #refusalOf(error: unknown): Refusal {
    const { status, retryAfterSeconds = 0 } = error as { status?: number; retryAfterSeconds?: number }
    const lastErrorCode = this.codeOf(error)
    const isOver = lastErrorCode === 'invalid_grant'
    const ofGrant = isOver ? 'REAUTH_REQUIRED' : lastErrorCode === 'invalid_client' ? 'CONFIG_ERROR' : 'REFRESH_FAILED'
    return {
      status: ofGrant,
      isAnswered: status !== undefined,
      pause: Math.max(PAUSE, retryAfterSeconds * 1000),
      lastErrorCode,
    }
  }
}
