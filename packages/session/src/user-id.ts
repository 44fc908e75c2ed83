import { WaxsealTypeError } from '@waxseal/core'
import type { SessionOptions } from './options.ts'
import type { StoredSession } from './sealed-session.ts'

export type UserIdOption = NonNullable<SessionOptions['userId']>

/**
 * The id of the session's user; a number as its decimal digits, so that an app may have it from its database in one place
 * and from a URL in another. `undefined` for nobody: nothing, or an empty string.
 *
 * Throws `ERR_WAXSEAL_SESSION_INVALID` when the option throws, or gives anything else.
 */
export function userIdOf(session: StoredSession, userId: UserIdOption): string | undefined {
  const user = resultOf('userId', () => userId(session))
  if (user === undefined || user === null || user === '') return undefined
  return asText(user) ?? invalid('The option userId must give a string, a finite number, or nothing')
}

/**
 * What the option `label` says of a session; what is no text is no label, or one session would hide the user's others.
 * Throws `ERR_WAXSEAL_SESSION_INVALID` when the option throws.
 */
export function labelOf(session: StoredSession, label: NonNullable<SessionOptions['label']>): string | undefined {
  const text = resultOf('label', () => label(session))
  return typeof text === 'string' ? text : undefined
}

/** What a caller names a user by. Throws `ERR_WAXSEAL_ARGUMENT` for nobody: that would be everybody who is signed out. */
export function checkUserId(user: unknown): string {
  const text = asText(user)
  if (text !== undefined && text !== '') return text
  const message = 'A user must be named by a string that is not empty, or by a finite number'
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}

function asText(user: unknown): string | undefined {
  if (typeof user === 'string') return user
  return typeof user === 'number' && Number.isFinite(user) ? String(user) : undefined
}

function resultOf(option: string, call: () => unknown): unknown {
  try {
    return call()
  } catch {
    // What it threw may quote the session: it is not passed on.
    return invalid(`The option ${option} threw an error for a session`)
  }
}

function invalid(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', message)
}
