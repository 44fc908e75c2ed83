import { WaxsealTypeError } from '@waxseal/core'
import { isPersistent, type SessionCookie } from './expiry.ts'
import type { StoredSession } from './sealed-session.ts'

/**
 * The key under which `get` hands the load state to a callback caller. @fastify/session copies a loaded session key by
 * key into its own object, so the state has to travel as an ordinary key; it is never content.
 */
export const CARRIER = '__waxseal'

/** What a `set` stores, taken from the session in one go so that later changes by the app do not leak in. */
export interface SessionSnapshot {
  /** JSON of everything but the cookie. */
  readonly content: string
  /** The cookie as JSON data; absent when the session has none. */
  readonly cookie: (SessionCookie & Record<string, unknown>) | undefined
}

// Express copies a stored session into its Session object except where a name is taken; Fastify overwrites its own
// methods. Either way such a key is lost or breaks the request, so it is refused where it would be written.
const reservedNames = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...['id', 'req', 'touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate'],
  ...['sessionId', 'encryptedSessionId', 'options', 'get', 'set', 'isModified', 'isSaved'],
])

/**
 * Throws `ERR_WAXSEAL_SESSION_INVALID` when the session is not an object, holds a reserved name, or cannot be written
 * as JSON (cyclic, BigInt). The message names the key at most, never a value.
 */
export function snapshotOf(session: unknown): SessionSnapshot {
  const cookie = cookieOf(session)
  const { cookie: _cookie, [CARRIER]: _carrier, ...rest } = session as Record<string, unknown>
  for (const name of Object.keys(rest)) {
    if (reservedNames.has(name)) {
      const message = `The session key ${JSON.stringify(name)} is reserved: a framework's session has a member of that name`
      throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', message)
    }
  }
  return { content: toJson(rest), cookie }
}

/** The session that a snapshot was taken from, as data of its own. */
export function sessionIn({ content, cookie }: SessionSnapshot): StoredSession {
  const session = JSON.parse(content)
  if (cookie !== undefined) session.cookie = cookie
  return session
}

/** Without the keys that a framework could not take; older versions of Fastify's plugin stored such ones themselves. */
export function withoutReserved(session: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(session).filter(([name]) => !reservedNames.has(name) && name !== CARRIER))
}

/** The session's cookie as JSON data. Throws `ERR_WAXSEAL_SESSION_INVALID` when session or cookie is no object. */
export function cookieOf(session: unknown): SessionSnapshot['cookie'] {
  if (typeof session !== 'object' || session === null || Array.isArray(session)) {
    throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', 'A session must be an object')
  }
  const { cookie } = session as { cookie?: unknown }
  return cookie === undefined || cookie === null ? undefined : JSON.parse(toJson(cookie))
}

function toJson(value: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch {
    // JSON's own message names keys and classes along the cycle; it is not passed on.
  }
  if (json?.startsWith('{')) return json
  const message =
    'The session cannot be written as a JSON object: it is cyclic, holds a BigInt, or its toJSON gives none'
  throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', message)
}

/** Whether two cookies say the same, apart from the running expiry that every request moves. */
export function sameCookie(a: SessionSnapshot['cookie'], b: SessionSnapshot['cookie']): boolean {
  if (a === undefined || b === undefined) return a === b
  // express-session recomputes originalMaxAge from two readings of the clock: it drifts by milliseconds.
  const drift = Math.abs((a.originalMaxAge ?? 0) - (b.originalMaxAge ?? 0))
  return drift < 1000 && isPersistent(a) === isPersistent(b) && fixedPart(a) === fixedPart(b)
}

function fixedPart(cookie: Record<string, unknown>): string {
  const { expires, originalExpires, originalMaxAge, maxAge, ...fixed } = cookie
  // The two frameworks name the attributes in different orders, and one writes out those that are not set.
  const set = Object.entries(fixed).filter(([, value]) => value !== null && value !== undefined && value !== false)
  return JSON.stringify([set.sort(([a], [b]) => (a < b ? -1 : 1)), typeof originalMaxAge])
}

/** A cookie that lives for a time of its own, from the next write on; one that ends at a fixed time, or with the browser, stays. */
export function beginAnew(cookie: SessionSnapshot['cookie']): SessionSnapshot['cookie'] {
  const lasts = typeof cookie?.maxAge === 'number' || typeof cookie?.originalMaxAge === 'number'
  return lasts ? { ...cookie, expires: null } : cookie
}
