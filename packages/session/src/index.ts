export type { Callback } from './callbacks.ts'
export type { StopSignal } from './deadlines.ts'
export type { SessionEvent, SessionEventType } from './events.ts'
export { MemorySessionStore } from './memory-session-store.ts'
export { MemoryTable } from './memory-table.ts'
export type { SessionOptions } from './options.ts'
export { sessionKey } from './session-id.ts'
export type { RowPage, SessionRow, WriteOutcome } from './session-row.ts'
export { type ListedSession, SessionStore, type StoredSession } from './session-store.ts'
export type { SessionTable } from './session-table.ts'
export type { Version1Options } from './version1-options.ts'
export type {
  BothVersions,
  LoadedItem,
  PutOutcome,
  Removal,
  Version1Table,
} from './version1-table.ts'
