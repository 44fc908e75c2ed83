import type { FakeClock } from '../fake-clock.ts'

/** What a session holds. */
export type SessionData = Record<string, unknown>

/** A Node callback. */
export type StoreCallback<T> = (error: unknown, result?: T) => void

/** What a store tells about an operation, emitted under its type. */
export interface StoreEvent {
  readonly type: string
  readonly operation: string
  readonly code?: string
}

/** The shape of `SessionStore` of `@waxseal/session`, repeated here because this package imports none of ours. */
export interface StoreUnderTest {
  generate?: ((request: never) => void) | undefined
  get(id: string): Promise<SessionData | null>
  get(id: string, callback: StoreCallback<SessionData | null>): void
  set(id: string, session: object): Promise<boolean>
  set(id: string, session: object, callback: StoreCallback<boolean> | undefined): void
  touch(id: string, session: object): Promise<void>
  touch(id: string, session: object, callback: StoreCallback<void> | undefined): void
  destroy(id: string): Promise<void>
  destroy(id: string, callback: StoreCallback<void> | undefined): void
  all(): Promise<SessionData[]>
  all(callback: StoreCallback<SessionData[]>): void
  ids(): Promise<string[]>
  ids(callback: StoreCallback<string[]>): void
  length(): Promise<number>
  length(callback: StoreCallback<number>): void
  clear(): Promise<void>
  clear(callback: StoreCallback<void> | undefined): void
  sessions(options?: { signal?: AbortSignal }): AsyncIterable<SessionData>
  regenerate(request: { sessionID?: string }, callback: (error?: unknown) => void): void
  on(type: string, listener: (event: StoreEvent) => void): unknown
}

/** What a store of the contract is made with; each is an option of that name of every Waxseal store. */
export interface ContractOptions {
  readonly clock: FakeClock
  readonly conflict: ConflictPolicy
  readonly ttlSeconds?: number
  readonly maxLifetimeSeconds?: number
  readonly touchAfterSeconds?: number
  readonly timeoutMilliseconds?: number
}

/** What becomes of a write that another request's came before. */
export type ConflictPolicy = 'merge' | 'reject' | 'lastWriteWins'

/** What the database does from now on: all well, accept calls and never answer, fail each with the code `ENOENT`. */
export type Fault = 'none' | 'silent' | 'unreachable'

/** A store, and what can be done to its table behind its back. Rows are named by the id of their session. */
export interface StoreFixture {
  readonly store: StoreUnderTest
  /** Another store on the same table, that of a second process or after a restart; with the same options but for `change`. */
  reopen(change?: Partial<ContractOptions>): StoreUnderTest | Promise<StoreUnderTest>
  /** Everything that the table holds, as the database's own driver gives it. */
  rawRows(): Promise<readonly object[]>
  /** Exchanges the rows of two sessions but for their keys. */
  swapRows(id: string, other: string): Promise<void>
  /** Puts a copy of a session's row under a key, which is not hashed. */
  copyRow(id: string, key: string): Promise<void>
  /** Moves every end of a session that stands readable in its row to this time, in milliseconds since the epoch. */
  moveEnds(id: string, at: number): Promise<void>
  setFault(fault: Fault): void | Promise<void>
}

/** Makes a store over an empty table; called once per case. */
export type CreateStore = (options: ContractOptions) => StoreFixture | Promise<StoreFixture>
