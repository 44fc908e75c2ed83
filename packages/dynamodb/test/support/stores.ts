import { createEnvelope, type Envelope, generateKey, localKeyring } from '@waxseal/core'
import {
  MemoryTable,
  type RowPage,
  type RowVersion,
  type SessionOptions,
  type SessionRow,
  SessionStore,
  type SessionTable,
  type StopSignal,
  type TablePart,
  type WriteOutcome,
} from '@waxseal/session'
import { inject } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../../src/index.ts'
import { newTable } from './tables.ts'

export const envelope: Envelope = createEnvelope({
  keyring: localKeyring(generateKey()),
  encryptionContext: { app: 'test' },
})

export type Call = 'get' | 'insert' | 'update' | 'extend' | 'delete' | 'deleteMany' | 'list'

/** Hands every call through to a real table, notes it, and can hold or fail it. */
export class ObservedTable implements SessionTable {
  readonly calls: Call[] = []
  /** Awaited before a call goes through; throws to make it fail. */
  before: (call: Call) => Promise<void> | void = () => {}
  readonly #table: SessionTable

  constructor(table: SessionTable) {
    this.#table = table
  }

  get maxRecordBytes(): number {
    return this.#table.maxRecordBytes
  }

  get(key: string, signal: StopSignal): Promise<SessionRow | undefined> {
    return this.#through('get', () => this.#table.get(key, signal))
  }
  insert(row: SessionRow, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#through('insert', () => this.#table.insert(row, now, signal))
  }
  update(row: SessionRow, over: RowVersion, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#through('update', () => this.#table.update(row, over, now, signal))
  }
  extend(key: string, expiresAt: number, now: number, signal: StopSignal): Promise<boolean> {
    return this.#through('extend', () => this.#table.extend(key, expiresAt, now, signal))
  }
  delete(key: string, signal: StopSignal): Promise<void> {
    return this.#through('delete', () => this.#table.delete(key, signal))
  }
  deleteMany(keys: readonly string[], signal: StopSignal): Promise<void> {
    return this.#through('deleteMany', () => this.#table.deleteMany(keys, signal))
  }
  list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage> {
    return this.#through('list', () => this.#table.list(page, signal, part))
  }

  /** The calls since the last time. */
  take(): Call[] {
    return this.calls.splice(0)
  }

  async #through<T>(call: Call, run: () => Promise<T>): Promise<T> {
    this.calls.push(call)
    await this.before(call)
    return run()
  }
}

/** Memory and every DynamoDB engine of this run, for `describe.each`. */
export const engines: { engine: string; newTable: () => Promise<ObservedTable> }[] = [
  { engine: 'memory', newTable: async () => new ObservedTable(new MemoryTable()) },
  ...inject('engines').map(({ name, endpoint }) => ({
    engine: name,
    newTable: async () => {
      const { client, tableName } = await newTable(endpoint)
      return new ObservedTable(new DynamoDBSessionTable(client, tableName, 'sessionId'))
    },
  })),
]

export function storeOn(table: ObservedTable, options: Partial<SessionOptions> = {}): SessionStore {
  return new SessionStore(table, { envelope, ...options })
}
