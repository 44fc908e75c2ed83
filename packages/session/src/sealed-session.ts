import { type Envelope, type RecordContext, recordKeyIds, WaxsealError, type WaxsealErrorCode } from '@waxseal/core'
import type { SessionCookie } from './expiry.ts'
import { type SessionSnapshot, sessionIn } from './session-content.ts'

/** A session as the store hands it out: the app's data and, where a framework wrote it, its cookie as JSON data. */
export type StoredSession = Record<string, unknown> & { cookie?: SessionCookie & Record<string, unknown> }

/** What is sealed in a session's record. Instants in milliseconds since the epoch. */
export interface SealedSession {
  /** The real session id: rows are found by its hash, listings need the id itself. */
  readonly id: string
  readonly session: StoredSession
  readonly createdAt: number
  /** Sealed, so that whoever can write the table cannot make the session outlive it. */
  readonly absoluteExpiresAt: number
}

/** Seals and opens session records, each bound to its row and to the logical name of its table. */
export class SessionSealer {
  readonly #envelope: Envelope
  readonly #logicalName: string

  constructor(envelope: Envelope, logicalName: string) {
    this.#envelope = envelope.with({ purpose: 'session' })
    this.#logicalName = logicalName
  }

  async seal(
    key: string,
    sealed: Omit<SealedSession, 'session'>,
    snapshot: SessionSnapshot,
  ): Promise<{ record: Uint8Array; kid: string }> {
    const record = await this.#envelope.sealJson({ ...sealed, session: sessionIn(snapshot) }, this.#context(key))
    return { record, kid: recordKeyIds(record)[0] ?? '' }
  }

  /** Throws the envelope's errors, or `ERR_WAXSEAL_RECORD_MALFORMED` when what was sealed is no session. */
  async open(key: string, record: Uint8Array): Promise<SealedSession> {
    const sealed = await this.#envelope.openJson(record, this.#context(key))
    if (!isSealedSession(sealed)) {
      throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The record opens, but holds no session')
    }
    return sealed
  }

  #context(key: string): RecordContext {
    return { purpose: 'session', table: this.#logicalName, key }
  }
}

function isSealedSession(value: unknown): value is SealedSession {
  if (typeof value !== 'object' || value === null) return false
  const { id, session, createdAt, absoluteExpiresAt } = value as Partial<SealedSession>
  return (
    typeof id === 'string' &&
    typeof session === 'object' &&
    session !== null &&
    !Array.isArray(session) &&
    Number.isFinite(createdAt) &&
    Number.isFinite(absoluteExpiresAt)
  )
}

// KEY_MISMATCH is among them: one row under a key that we do not list is that row's fault, and may be planted.
const unreadableCodes: ReadonlySet<string> = new Set<WaxsealErrorCode>([
  'ERR_WAXSEAL_INTEGRITY',
  'ERR_WAXSEAL_RECORD_MALFORMED',
  'ERR_WAXSEAL_UNSUPPORTED_VERSION',
  'ERR_WAXSEAL_UNSUPPORTED_SUITE',
  'ERR_WAXSEAL_LEGACY_REFUSED',
  'ERR_WAXSEAL_KEY_MISMATCH',
])

/**
 * Whether the fault is the row's own, so that it reads as no session. Everything else (key service, database) is an
 * error for the caller: an outage must not look like "signed out".
 */
export function isUnreadable(error: unknown): error is WaxsealError {
  return error instanceof WaxsealError && unreadableCodes.has(error.code)
}
