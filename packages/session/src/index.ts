export { type Batch, Batches, type Waiter } from './batches.ts'
export type { Callback } from './callbacks.ts'
export type { StopSignal } from './deadlines.ts'
export type { ReportEvent, SessionEvent, SessionEventType, SessionStats } from './events.ts'
export { MemorySessionStore } from './memory-session-store.ts'
export { MemoryTable } from './memory-table.ts'
export type { ConflictPolicy, SessionOptions } from './options.ts'
export type { StoredSession } from './sealed-session.ts'
export { sessionKey } from './session-id.ts'
export type { ListingOptions } from './session-listing.ts'
export {
  isChosen,
  type RowChoice,
  type RowPage,
  type RowVersion,
  type SessionRow,
  type WriteOutcome,
} from './session-row.ts'
export { type ListedSession, SessionStore } from './session-store.ts'
export type { SessionTable, TablePart } from './session-table.ts'
export type { UserSession } from './user-sessions.ts'
export type { Version1Options } from './version1-options.ts'
export type {
  BothVersions,
  LoadedItem,
  PutOutcome,
  Removal,
  Version1Table,
} from './version1-table.ts'
