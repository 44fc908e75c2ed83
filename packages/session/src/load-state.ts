import { CARRIER, type SessionSnapshot } from './session-content.ts'

/** What is known of a row since its session was read or last written: what later writes are compared and conditioned on. */
export interface LoadedRow {
  /** 0 while the session stands in an item of version 1. */
  readonly revision: number
  readonly userTag?: string | undefined
  readonly expiresAt: number
  readonly createdAt: number
  readonly absoluteExpiresAt: number
  /** What the app's object held then: what it holds beside that, or no longer holds, is the app's own change. */
  readonly base: SessionSnapshot
  /** What the row says: another snapshot than `base` where it also holds what another request has changed. */
  readonly stored: SessionSnapshot
  /** In their order, and absent when there is none. */
  readonly unsettled?: readonly UnsettledWrite[] | undefined
  /** While the session stands in an item of version 1: which writing of it that was, by its tag. */
  readonly version1Tag?: string
}

/** A write whose answer never came: the row may hold it, or may yet get it. */
export interface UnsettledWrite {
  /** Absent where it was to be an item of version 1, known by its tag. */
  readonly record?: Uint8Array
  /** What is known of the row if it holds that writing. */
  readonly after: LoadedRow
}

/** A {@link LoadedRow} that belongs to one table key and follows the writes made through its session object; invisible to JSON. */
export class LoadState {
  // Private, so that inspecting a session shows neither a second copy of its content nor its key.
  readonly #key: string
  #row: LoadedRow
  #owner: LoadStates | undefined

  constructor(key: string, row: LoadedRow) {
    this.#key = key
    this.#row = row
  }

  get key(): string {
    return this.#key
  }

  get row(): LoadedRow {
    return this.#row
  }

  update(row: LoadedRow): void {
    this.#row = row
  }

  ownedBy(owner: LoadStates): this {
    this.#owner = owner
    return this
  }

  /** A state from another store says nothing of our rows, and a clone of one lacks the private fields. */
  static isOwnedBy(owner: LoadStates, value: unknown): value is LoadState {
    return typeof value === 'object' && value !== null && #owner in value && value.#owner === owner
  }

  toJSON(): undefined {
    return undefined
  }
}

/**
 * Finds and attaches load states. A state counts only for the key it was read under: an app that copies a session into
 * a regenerated one (passport's `keepSessionInfo` does) must not write the new session on the old one's terms.
 */
export class LoadStates {
  readonly #states = new WeakMap<object, LoadState>()

  attach(session: object, state: LoadState): void {
    this.#states.set(session, state.ownedBy(this))
  }

  /** Puts the state into the session itself, for a caller that copies its keys. */
  carry(session: object, state: LoadState): void {
    ;(session as Record<string, unknown>)[CARRIER] = state.ownedBy(this)
  }

  find(session: object, key: string): LoadState | undefined {
    const attached = this.#states.get(session)
    if (attached?.key === key) return attached
    const carried = this.carriedBy(session)
    return carried?.key === key ? carried : undefined
  }

  /** The state that `get` sent along with the session's data. */
  carriedBy(session: object): LoadState | undefined {
    const carried = (session as Record<string, unknown>)[CARRIER]
    return LoadState.isOwnedBy(this, carried) ? carried : undefined
  }
}
