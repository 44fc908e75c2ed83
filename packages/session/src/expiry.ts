import { WaxsealTypeError } from '@waxseal/core'

/** The part of a session's cookie that decides when the session ends. Both frameworks' cookies have this shape. */
export interface SessionCookie {
  expires?: Date | string | number | boolean | null | undefined
  readonly maxAge?: number | null | undefined
  readonly originalMaxAge?: number | null | undefined
}

/** How long sessions live. Durations in seconds. */
export interface ExpiryRules {
  /** Idle life of a session whose cookie sets neither `expires` nor `maxAge`. */
  readonly ttlSeconds: number
  /** From its creation on, whatever happens. */
  readonly maxLifetimeSeconds: number
  /** How far the expiry must have moved before a touch is written; by default a tenth of the idle life, at most 1 h. */
  readonly touchAfterSeconds: number | undefined
}

/**
 * Idle expiry in milliseconds since the epoch: the cookie's own where the app gave it a life, else `ttlSeconds` from
 * now, in either case not beyond `absoluteExpiresAt`.
 */
export function expiryOf(
  cookie: SessionCookie | undefined,
  absoluteExpiresAt: number,
  now: number,
  rules: ExpiryRules,
): number {
  const own = cookie === undefined ? undefined : cookieExpiry(cookie, now)
  const expiresAt = Math.min(own ?? now + rules.ttlSeconds * 1000, absoluteExpiresAt)
  // Whole milliseconds, as rows hold them; not before now, since DynamoDB leaves items whose time is years past.
  return Math.max(Math.floor(expiresAt), Math.floor(now))
}

function cookieExpiry(cookie: SessionCookie, now: number): number | undefined {
  const { expires } = cookie
  if (expires instanceof Date || typeof expires === 'string' || typeof expires === 'number') {
    const at = new Date(expires).getTime()
    if (Number.isNaN(at)) throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', 'cookie.expires is not a date')
    return at
  }
  const maxAge = cookie.maxAge ?? cookie.originalMaxAge
  return typeof maxAge === 'number' && Number.isFinite(maxAge) ? now + maxAge : undefined
}

/** Whether the cookie ends at a time of its own rather than with the browser. */
export function isPersistent(cookie: SessionCookie): boolean {
  return Boolean(cookie.expires) || typeof cookie.originalMaxAge === 'number' || typeof cookie.maxAge === 'number'
}

/** Whether moving the stored expiry to `expiresAt` is worth a write. */
export function touchIsDue(
  stored: { readonly expiresAt: number; readonly absoluteExpiresAt: number },
  expiresAt: number,
  now: number,
  rules: ExpiryRules,
): boolean {
  const gain = expiresAt - stored.expiresAt
  if (gain <= 0) return false
  // The last stretch before the absolute end is written at once: nothing later would make it due.
  if (expiresAt === stored.absoluteExpiresAt) return true
  const idleSeconds = (expiresAt - now) / 1000
  const touchAfterSeconds = rules.touchAfterSeconds ?? Math.min(idleSeconds / 10, 3600)
  // At half the idle life at the latest, or an active user would be signed out between two touches.
  return gain >= Math.min(touchAfterSeconds, idleSeconds / 2) * 1000
}
