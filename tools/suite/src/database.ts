import { createEnvelope, type Envelope, generateKey, localKeyring } from '@waxseal/core'
import type { SessionOptions, SessionStore, SessionTable } from '@waxseal/session'

/** A database that the suite runs on. */
export interface SuiteDatabase {
  readonly name: string
  /** Runs before the first case, with more time than a case has: on a busy machine some databases start slowly. */
  start?(): Promise<unknown>
  /** A new, empty table. */
  newTable(): Promise<SuiteTable>
}

/** One table of a database. */
export interface SuiteTable {
  /** Past every store: what stands in a row, and what somebody who can write the table puts there. */
  readonly port: SessionTable
  /** The store that apps make on this database, on this table. */
  newStore(options: SessionOptions): SessionStore
}

/** A database behind a connection, which can break. */
export interface RemoteDatabase extends SuiteDatabase {
  /** `http://host:port` of its server, in the form that `startFaultProxy` takes. */
  readonly address: string
  /** A new, empty table whose connections go to `address`, that of a proxy before the server. */
  newTableAt(address: string): Promise<SuiteTable>
  /** A table whose driver fails every call with `error`. */
  failingTable(error: Error): SuiteTable
}

export const keys: string = generateKey()
export const encryptionContext: Readonly<Record<string, string>> = { app: 'test' }

/** Of every store of the suite, unless a case brings its own. */
export const envelope: Envelope = createEnvelope({ keyring: localKeyring(keys), encryptionContext })
