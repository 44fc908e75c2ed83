import { createEnvelope, type Envelope, generateKey, type Keyring, localKeyring, WaxsealError } from '@waxseal/core'
import { type FakeClock, fakeClock } from '@waxseal/testing'
import {
  MemoryTable,
  type RowVersion,
  type SessionEvent,
  type SessionOptions,
  type SessionRow,
  SessionStore,
  type StopSignal,
  sessionKey,
  type TablePart,
} from '../../src/index.ts'

const keyring = localKeyring(generateKey())

/** An envelope of its own caches over the one key of these tests, with a key service that `change` bends. */
export function newEnvelope(change: Partial<Keyring> = {}): Envelope {
  return createEnvelope({ keyring: { ...keyring, ...change }, encryptionContext: { app: 'test' } })
}

export const envelope: Envelope = newEnvelope()
export const { generateDataKey } = keyring

type Write = 'insert' | 'update' | 'extend'
type Call = Write | 'get' | 'delete' | 'list'

/** A table in memory that notes every call, and can hold or fail it. */
export class ObservedTable extends MemoryTable {
  readonly calls: Call[] = []
  /** Awaited before a call goes through; throws to make it fail. */
  before: (call: Call) => Promise<void> | void = () => {}

  get writes(): Call[] {
    return this.calls.filter((call) => call === 'insert' || call === 'update' || call === 'extend')
  }

  override get(key: string) {
    return this.#through('get', () => super.get(key))
  }
  override insert(row: SessionRow, now: number) {
    return this.#through('insert', () => super.insert(row, now))
  }
  override update(row: SessionRow, over: RowVersion, now: number) {
    return this.#through('update', () => super.update(row, over, now))
  }
  override extend(key: string, expiresAt: number, over: RowVersion, now: number) {
    return this.#through('extend', () => super.extend(key, expiresAt, over, now))
  }
  override delete(key: string) {
    return this.#through('delete', () => super.delete(key))
  }
  override list(page?: unknown, signal?: StopSignal, part?: TablePart) {
    return this.#through('list', () => super.list(page, signal, part))
  }

  async #through<T>(call: Call, run: () => Promise<T>): Promise<T> {
    this.calls.push(call)
    await this.before(call)
    return run()
  }
}

interface SetUp {
  readonly clock: FakeClock
  readonly table: ObservedTable
  readonly store: SessionStore
  readonly events: SessionEvent[]
  rowOf(id: string): Promise<SessionRow>
  /** What somebody who can write the table can do to a row. */
  tamper(id: string, change: Partial<SessionRow>): Promise<void>
}

/** A store on a fake clock over an observed table, with its events. */
export function setUp(options: Partial<SessionOptions> = {}, table: ObservedTable = new ObservedTable()): SetUp {
  const clock = fakeClock()
  const store = new SessionStore(table, { envelope, clock, ...options })
  const events: SessionEvent[] = []
  for (const type of [
    'expired',
    'unreadable',
    'refused',
    'overwritten',
    'merged',
    'conflict',
    'touch-failed',
    'failed',
  ]) {
    store.on(type, (event) => events.push(event))
  }
  const rowOf = async (id: string) => (await MemoryTable.prototype.get.call(table, sessionKey(id)))!
  const tamper = async (id: string, change: Partial<SessionRow>) => {
    const row = await rowOf(id)
    await MemoryTable.prototype.delete.call(table, row.key)
    await MemoryTable.prototype.insert.call(table, { ...row, ...change }, 0)
  }
  return { clock, table, store, events, rowOf, tamper }
}

/** The session as frameworks get it: with the state of the row among its keys. */
export function getWithCallback(store: SessionStore, id: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) =>
    store.get<Record<string, unknown>>(id, (error, session) => (session ? resolve(session) : reject(error))),
  )
}

/** How an unreachable database or key service answers. */
export const unavailable = (code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' | 'ERR_WAXSEAL_KEY_UNAVAILABLE'): Promise<never> =>
  Promise.reject(new WaxsealError(code, 'down', { retryable: true }))
