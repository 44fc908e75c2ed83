import { isStorable } from '../arguments.ts'
import type { TokenResponse } from '../provider-profile.ts'
import type { Tokens } from '../sealed-tokens.ts'
import type { RefreshSettings } from './refresh-settings.ts'

/** What a provider answered, as far as it can be used. */
export interface Renewal {
  readonly accessToken: string
  /** Absent: the one that was spent stays good. */
  readonly refreshToken: string | undefined
  readonly lifetimeSeconds: number | undefined
  readonly refreshLifetimeSeconds: number | undefined
  /** Absent: as before. */
  readonly scopes: readonly string[] | undefined
}

/** In characters; the largest tokens known, with groups in them, hold a tenth of it. */
const LONGEST_TOKEN = 65_536

/** A hundred years in seconds: further ahead, an instant could leave the range of dates. */
const LONGEST_LIFETIME = 3_155_760_000

/**
 * Strict about tokens: `undefined` where one of them is none. About the rest it is lenient, since a lifetime that nobody can
 * read is no reason to lose the only refresh token that the provider takes from now on.
 */
export function readTokenResponse(response: TokenResponse): Renewal | undefined {
  if (typeof response !== 'object' || response === null) return undefined
  // Not spread: the fields of a class may be accessors.
  const {
    access_token,
    refresh_token,
    expires_in,
    refresh_token_expires_in,
    scope,
  }: Partial<Record<keyof TokenResponse, unknown>> = response
  const isNew = refresh_token !== undefined && refresh_token !== null && refresh_token !== ''
  if (!isToken(access_token) || (isNew && !isToken(refresh_token))) return undefined
  return {
    accessToken: access_token,
    refreshToken: isNew ? (refresh_token as string) : undefined,
    lifetimeSeconds: seconds(expires_in),
    refreshLifetimeSeconds: seconds(refresh_token_expires_in),
    scopes: typeof scope === 'string' && isStorable(scope) ? scope.split(' ').filter((name) => name !== '') : undefined,
  }
}

/** The tokens of a grant after a refresh that was sent at `sentAt`, in milliseconds since the epoch. */
export function renewedTokens(old: Tokens, renewal: Renewal, sentAt: number, settings: RefreshSettings): Tokens {
  const after = (seconds: number | undefined) => (seconds === undefined ? null : new Date(sentAt + seconds * 1000))
  const previous = old.access_token?.lifetimeSeconds
  const lifetimeSeconds = renewal.lifetimeSeconds ?? previous ?? settings.defaultLifetimeSeconds
  const accessToken = {
    value: renewal.accessToken,
    expiresAt: after(lifetimeSeconds),
    valid: true,
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
  }
  const refreshEnd = after(renewal.refreshLifetimeSeconds ?? settings.idleSeconds)
  const kept = old.refresh_token
  const refreshToken =
    renewal.refreshToken === undefined
      ? kept && { ...kept, expiresAt: refreshEnd ?? kept.expiresAt }
      : { value: renewal.refreshToken, expiresAt: refreshEnd, valid: true }
  return { ...old, access_token: accessToken, ...(refreshToken && { refresh_token: refreshToken }) }
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_TOKEN && isStorable(value)
}

/** Of a number, or of one as decimal text, which some providers send; undefined for anything else. */
function seconds(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,10}(\.\d{1,9})?$/.test(value) ? Number(value) : value
  return typeof number === 'number' && number > 0 ? Math.min(number, LONGEST_LIFETIME) : undefined
}
