import { WaxsealError } from '@waxseal/core'
import type { ContractOptions, Fault, StoreFixture } from '@waxseal/testing'
import {
  MemoryTable,
  type RowPage,
  type RowVersion,
  type SessionOptions,
  type SessionRow,
  SessionStore,
  type StopSignal,
  sessionKey,
  type TablePart,
} from '../../src/index.ts'
import { envelope } from './stores.ts'

/** A table in memory that can fall silent or fail, as a database does. */
export class FaultyTable extends MemoryTable {
  fault: Fault = 'none'
  readonly #keys = new Set<string>()

  override get(key: string, signal?: StopSignal) {
    return this.through(signal, () => super.get(key))
  }
  override insert(row: SessionRow, now: number, signal?: StopSignal) {
    this.#keys.add(row.key)
    return this.through(signal, () => super.insert(row, now))
  }
  override update(row: SessionRow, over: RowVersion, now: number, signal?: StopSignal) {
    return this.through(signal, () => super.update(row, over, now))
  }
  override extend(key: string, expiresAt: number, over: RowVersion, now: number, signal?: StopSignal) {
    return this.through(signal, () => super.extend(key, expiresAt, over, now))
  }
  override delete(key: string, signal?: StopSignal) {
    return this.through(signal, () => super.delete(key))
  }
  override list(page?: unknown, signal?: StopSignal, part?: TablePart): Promise<RowPage> {
    return this.through(signal, () => super.list(page, signal, part))
  }

  /** Whatever was ever inserted and is still there, rows that no listing gives included. */
  async rawRows(): Promise<SessionRow[]> {
    const rows = await Promise.all([...this.#keys].map((key) => MemoryTable.prototype.get.call(this, key)))
    return rows.filter((row) => row !== undefined)
  }

  /** Writes a row whatever stands in its place. */
  async force(row: SessionRow): Promise<{ written: boolean }> {
    this.#keys.add(row.key)
    return MemoryTable.prototype.insert.call(this, row, Number.POSITIVE_INFINITY)
  }

  /** Moves what of its ends a row shows. */
  async moveEnds(key: string, expiresAt: number): Promise<void> {
    const row = await MemoryTable.prototype.get.call(this, key)
    await this.force({ ...row!, expiresAt })
  }

  protected async through<T>(signal: StopSignal | undefined, run: () => Promise<T>): Promise<T> {
    if (this.fault === 'unreachable') throw this.unreachable()
    if (this.fault === 'none' || signal === undefined) return run()
    return new Promise((_, reject) => {
      signal.onabort = () => reject(new Error('stopped'))
    })
  }

  /** What an adapter makes of an error of its database. */
  protected unreachable(): Error {
    const cause = Object.assign(new Error('connect ENOENT /var/run/database.sock'), { code: 'ENOENT' })
    return new WaxsealError('ERR_WAXSEAL_STORE_UNAVAILABLE', 'down', { cause, retryable: true })
  }
}

/** The parts of a store under contract, in which one can be put in the place of the right one. */
export interface ContractParts<Table extends FaultyTable = FaultyTable> {
  readonly table?: Table
  readonly newStore?: (table: Table, options: SessionOptions) => SessionStore
}

/** A store for `sessionStoreContract` over a table in memory. */
export function memoryFixture<Table extends FaultyTable>(
  options: ContractOptions,
  {
    table = new FaultyTable() as Table,
    newStore = (table, options) => new SessionStore(table, options),
  }: ContractParts<Table> = {},
): StoreFixture {
  const open = (change: Partial<ContractOptions> = {}) => newStore(table, { envelope, ...options, ...change })
  const rowOf = async (id: string) => (await MemoryTable.prototype.get.call(table, sessionKey(id)))!
  return {
    store: open(),
    reopen: open,
    rawRows: () => table.rawRows(),
    async swapRows(id, other) {
      const [row, otherRow] = [await rowOf(id), await rowOf(other)]
      await table.force({ ...row, key: otherRow.key })
      await table.force({ ...otherRow, key: row.key })
    },
    async copyRow(id, key) {
      await table.force({ ...(await rowOf(id)), key })
    },
    moveEnds: (id, at) => table.moveEnds(sessionKey(id), at),
    setFault(fault) {
      table.fault = fault
    },
  }
}
