import { WaxsealError } from '@waxseal/core'
import { askable } from '../grant.ts'
import { isInUse } from '../grants.ts'
import { isReported } from '../reported-error.ts'
import type { Token, Tokens } from '../sealed-tokens.ts'
import type { Standing } from './refresh-rows.ts'

/** An access token to send. */
export interface FreshAccessToken {
  readonly accessToken: string
  /** Null: not known to expire. */
  readonly expiresAt: Date | null
  /** What `reportUnauthorized` takes. */
  readonly version: number
  /** Whether it is about to expire and no newer one is there yet. It still runs. */
  readonly isStale: boolean
}

/** Why a token that still runs may not do: the API refused it, or a newer one is asked for. */
export interface Demand {
  readonly version: number
  readonly reason: 'refused' | 'renewal'
}

/** What a call does about a grant as it stands: serve, refuse, refresh it, or wait for who is refreshing it. */
export type Verdict =
  | { readonly serve: FreshAccessToken }
  | { readonly refuse: WaxsealError; readonly isOver?: boolean }
  | 'refresh'
  | 'wait'

/** In milliseconds: an access token that runs for less is not handed out in place of the one that is on its way. */
const LEAST_STALE = 30_000

/**
 * @param canRefresh whether the provider's profile can
 * @param isUnderWay whether this process is refreshing the grant
 */
export function judge(
  standing: Standing,
  tokens: Tokens,
  demand: Demand | undefined,
  canRefresh: boolean,
  isUnderWay: boolean,
): Verdict {
  const { row, now } = standing
  const token = tokens.access_token
  const isRunning = token !== undefined && isUsable(token, now)
  const isOld = row.version === demand?.version
  const isStale = standing.isDue || isOld
  const serve = (isStale: boolean) => ({
    serve: { accessToken: token?.value ?? '', expiresAt: token?.expiresAt ?? null, version: row.version, isStale },
  })

  if (!isInUse(row)) return refuse('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED', 'The grant is revoked')
  if (isRunning && !isStale) return serve(false)
  const mayServe = isRunning && !isOld
  if (!canRefresh || !isUsable(tokens.refresh_token, now) || !askable.includes(row.status)) {
    if (mayServe) return serve(isStale)
    const refusal = refuse(
      'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED',
      'The grant gives no access token any more: connect it again',
    )
    return { ...refusal, isOver: !isRunning }
  }
  if (isUnderWay || standing.isLeased) {
    const runsOn = token?.expiresAt === null || (token?.expiresAt?.getTime() ?? 0) - now >= LEAST_STALE
    return mayServe && runsOn ? serve(isStale) : 'wait'
  }
  if (standing.isClaimable) return 'refresh'
  if (mayServe) return serve(isStale)
  if (standing.isHeldBack) {
    const lastError = errorOf(row)
    return row.status === 'CONFIG_ERROR'
      ? refuse(
          'ERR_WAXSEAL_CONFIG',
          `The provider refuses the app itself (${lastError}): check its client id and secret`,
        )
      : refuse('ERR_WAXSEAL_GRANT_REFRESH_FAILED', `The provider gave no access token (${lastError})`)
  }
  // Too young to be renewed, or in doubt.
  if (isRunning && isOld && demand.reason === 'renewal') return serve(standing.isDue)
  if (isOld && standing.isRecent) {
    const message = 'The access token is less than a minute old: it is not refreshed again yet'
    return refuse('ERR_WAXSEAL_GRANT_REFRESH_FAILED', message)
  }
  return 'wait'
}

/** As the vault writes it, or `unknown`: whoever can write the table could put anything there, and an error goes into logs. */
function errorOf({ lastError }: Standing['row']): string {
  return lastError !== null && isReported(lastError) ? lastError : 'unknown'
}

/** By the database's clock. */
export function isUsable(token: Token | undefined, now: number): boolean {
  return token?.valid === true && (token.expiresAt === null || token.expiresAt.getTime() > now)
}

function refuse(
  code: 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED' | 'ERR_WAXSEAL_GRANT_REFRESH_FAILED' | 'ERR_WAXSEAL_CONFIG',
  message: string,
) {
  return { refuse: new WaxsealError(code, message, { retryable: code === 'ERR_WAXSEAL_GRANT_REFRESH_FAILED' }) }
}
