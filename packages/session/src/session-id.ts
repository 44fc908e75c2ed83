import { hash } from 'node:crypto'
import { WaxsealTypeError } from '@waxseal/core'

/**
 * The table key of a session id: base64url SHA-256, 43 characters. An id is 128 random bits or more, so a plain hash
 * cannot be reversed by search, and the key of a stolen table is no session id.
 *
 * Throws `ERR_WAXSEAL_SESSION_INVALID` for anything but a non-empty, well-formed string. (Lone surrogates all become
 * U+FFFD in UTF-8, so ids holding them would share a key.)
 */
export function sessionKey(sessionId: unknown): string {
  if (typeof sessionId !== 'string' || sessionId === '' || !sessionId.isWellFormed()) {
    throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', 'A session id must be a non-empty, well-formed string')
  }
  return hash('sha256', sessionId, 'base64url')
}
