/**
 * Every code that a Waxseal package can raise. Tests and callers compare `error.code`; messages may change.
 * `retryable` says whether the same call may succeed later without anybody changing anything.
 */
export type WaxsealErrorCode =
  /** The caller passed something that can never work; always a {@link WaxsealTypeError}. */
  | 'ERR_WAXSEAL_ARGUMENT'
  /** Wrong key, wrong context and tampering, on purpose not told apart. */
  | 'ERR_WAXSEAL_INTEGRITY'
  /** No credentials, no region, no key: the message names the variable or option to set. */
  | 'ERR_WAXSEAL_CONFIG'
  | 'ERR_WAXSEAL_RECORD_MALFORMED'
  | 'ERR_WAXSEAL_UNSUPPORTED_VERSION'
  | 'ERR_WAXSEAL_UNSUPPORTED_SUITE'
  /** A version-1 record where version 1 is not accepted. */
  | 'ERR_WAXSEAL_LEGACY_REFUSED'
  /** The key service answered: this key is not ours to use (any more). */
  | 'ERR_WAXSEAL_KEY_DENIED'
  /** The key service did not answer, or could not. */
  | 'ERR_WAXSEAL_KEY_UNAVAILABLE'
  /** The record is wrapped under a key that this keyring does not list. */
  | 'ERR_WAXSEAL_KEY_MISMATCH'
  | 'ERR_WAXSEAL_SESSION_TOO_LARGE'
  | 'ERR_WAXSEAL_SESSION_CONFLICT'
  /** The session or its id cannot be stored as it is; always a {@link WaxsealTypeError}. */
  | 'ERR_WAXSEAL_SESSION_INVALID'
  /** The database did not answer, refused, or cut the connection. */
  | 'ERR_WAXSEAL_STORE_UNAVAILABLE'
  /** The operation took longer than `timeoutMilliseconds`, over all retries. */
  | 'ERR_WAXSEAL_STORE_TIMEOUT'
  /** The table is missing or has another key: the message names the remedy. */
  | 'ERR_WAXSEAL_TABLE_INVALID'
  /** Other writes of the same grant kept coming in between; retryable. */
  | 'ERR_WAXSEAL_GRANT_CONFLICT'
  /** The provider could not be told of a revocation: the grant is out of use, and to be revoked again; retryable. */
  | 'ERR_WAXSEAL_GRANT_REVOCATION_FAILED'
  /** The tenant of a new grant is not in the app's own table. */
  | 'ERR_WAXSEAL_GRANT_TENANT_UNKNOWN'
  /** There is no such grant: its user never connected, or it was deleted. */
  | 'ERR_WAXSEAL_GRANT_NOT_FOUND'
  /** The grant gives no access token any more: its user must connect again. */
  | 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED'
  /** The provider gave no new access token and the old one is of no use; it will be asked again; retryable. */
  | 'ERR_WAXSEAL_GRANT_REFRESH_FAILED'
  /** Somebody else's refresh of the grant took longer than this call waits; retryable. */
  | 'ERR_WAXSEAL_GRANT_REFRESH_PENDING'

/** What an error may carry beside code and message. */
export interface WaxsealErrorOptions {
  /** The error beneath. Never pass one whose message may quote plaintext (a JSON `SyntaxError` does). */
  readonly cause?: unknown
  /** Default `false`. */
  readonly retryable?: boolean
}

// Symbol.for is shared by every copy of this module, so the brand holds across ESM, CJS and duplicate installs.
const brand = Symbol.for('waxseal.error')

function isBranded(value: unknown): boolean {
  return typeof value === 'object' && value !== null && brand in value
}

/**
 * Base of every error that Waxseal raises; holds a stable `code`. `instanceof WaxsealError` is true for every one of
 * them, {@link WaxsealTypeError} included, also when it comes from another copy of the package.
 * No message, cause, `inspect` or JSON output holds key material, plaintext, a token or a raw session id.
 *
 * @example
 * try { await envelope.openText(record, context) }
 * catch (error) { if (error instanceof WaxsealError && error.code === 'ERR_WAXSEAL_INTEGRITY') quarantine(record) }
 */
export class WaxsealError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === WaxsealError) return isBranded(value)
    return typeof value === 'object' && value !== null && this.prototype.isPrototypeOf(value)
  }

  override readonly name: string = 'WaxsealError'
  readonly code: WaxsealErrorCode
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean

  constructor(code: WaxsealErrorCode, message: string, options: WaxsealErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    Object.defineProperty(this, brand, { value: true })
  }

  toJSON(): { name: string; code: WaxsealErrorCode; message: string; retryable: boolean } {
    return { name: this.name, code: this.code, message: this.message, retryable: this.retryable }
  }
}

/** Caller misuse: a `TypeError` that also counts as a {@link WaxsealError}. Never retryable. */
export class WaxsealTypeError extends TypeError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === WaxsealTypeError) return isBranded(value) && value instanceof TypeError
    return typeof value === 'object' && value !== null && this.prototype.isPrototypeOf(value)
  }

  override readonly name: string = 'WaxsealTypeError'
  readonly code: WaxsealErrorCode
  readonly retryable: false = false

  constructor(code: 'ERR_WAXSEAL_ARGUMENT' | 'ERR_WAXSEAL_SESSION_INVALID', message: string) {
    super(message)
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }

  toJSON(): { name: string; code: WaxsealErrorCode; message: string; retryable: boolean } {
    return { name: this.name, code: this.code, message: this.message, retryable: this.retryable }
  }
}
