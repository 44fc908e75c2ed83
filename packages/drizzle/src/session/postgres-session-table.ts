import {
  type Batch,
  Batches,
  type RowChoice,
  type RowPage,
  type RowVersion,
  type SessionRow,
  type SessionTable,
  type StopSignal,
  type TablePart,
  type WriteOutcome,
} from '@waxseal/session'
import { and, asc, inArray, lte, sql } from 'drizzle-orm'
import { repeating } from '../repeating.ts'
import { checkDatabase, type PostgresDatabase } from './database.ts'
import { toStoreError } from './errors.ts'
import { type StoredRow, toRow } from './row.ts'
import { type PgSessionTable, pgSessionTable } from './schema.ts'
import { ofSession, PAGE_SIZE, prepareStatements } from './statements.ts'
import { quotedName } from './table-sql.ts'
import { untilStopped } from './until-stopped.ts'

/** Reads in one SELECT: more gain little, and hold up more when it is slow. */
const MOST_READS = 25

/** Keys in one DELETE: a short one, since it holds its locks until the last row. */
const BATCH_SIZE = 500

// As nothing prunes by the app's clock: one server whose clock is wrong would sign out everybody.
const databaseNow = sql`floor(extract(epoch from now()) * 1000)::bigint`

/** {@link SessionTable} on Postgres: every write is one conditional statement, outside any transaction. */
export class PostgresSessionTable implements SessionTable {
  readonly maxRecordBytes: number = 1_000_000
  readonly #db: PostgresDatabase
  readonly #table: PgSessionTable
  readonly #name: string
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #reads = new Batches<string, StoredRow | undefined>({ most: MOST_READS }, (batch) => this.#read(batch))

  /** Throws `ERR_WAXSEAL_ARGUMENT` when `db` is no Drizzle database on Postgres, a transaction, or one with replicas. */
  constructor(db: PostgresDatabase, table: PgSessionTable = pgSessionTable()) {
    checkDatabase(db)
    this.#db = db
    this.#table = table
    this.#name = quotedName(table)
    this.#statements = prepareStatements(db, table)
  }

  async get(key: string, signal: StopSignal): Promise<SessionRow | undefined> {
    const row = await this.#reads.add(key, signal)
    return row && toRow(row)
  }

  insert(row: SessionRow, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#write(() => this.#statements.insert.execute({ ...parametersOf(row), now }), row.key, signal)
  }

  update(row: SessionRow, over: RowVersion, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#write(
      () => this.#statements.update.execute({ ...parametersOf(row), expected: over.revision, now }),
      row.key,
      signal,
    )
  }

  async extend(key: string, expiresAt: number, over: RowVersion, now: number, signal: StopSignal): Promise<boolean> {
    const statement = () => this.#statements.extend.execute({ key, expiresAt, expected: over.revision, now })
    const written = await this.#run(statement, signal)
    return written.length > 0
  }

  async delete(key: string, signal: StopSignal): Promise<void> {
    await this.#run(() => this.#statements.delete.execute({ key }), signal)
  }

  async deleteMany(keys: readonly string[], signal: StopSignal): Promise<void> {
    for (let start = 0; start < keys.length; start += BATCH_SIZE) {
      const batch = keys.slice(start, start + BATCH_SIZE)
      await this.#run(async () => this.#db.delete(this.#table).where(inArray(this.#table.key, batch)), signal)
    }
  }

  /** Pages follow one index in one order, and everything is in part 0: to divide it would take knowing its collation. */
  async list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage> {
    if (part !== undefined && part.index > 0) return { rows: [] }
    const after = typeof page === 'string' ? page : ''
    return toPage(await this.#run(() => this.#statements.list.execute({ after }), signal))
  }

  async listUser(userTag: string, page: unknown, signal: StopSignal): Promise<RowPage> {
    const after = typeof page === 'string' ? page : ''
    return toPage(await this.#run(() => this.#statements.listUser.execute({ userTag, after }), signal))
  }

  async deleteUser(userTag: string, which: RowChoice, now: number, signal: StopSignal): Promise<number> {
    const only = 'only' in which
    const keys = JSON.stringify(only ? which.only : which.except)
    const removed = await this.#run(() => this.#statements.deleteUser.execute({ userTag, keys, only }), signal)
    return removed.filter(({ expiresAt }) => expiresAt > now).length
  }

  /**
   * Removes rows that have expired by the database's clock, at most `limit`, those that expired first. Rows that
   * another process is removing or writing are passed over. Returns how many it removed.
   */
  async deleteExpired(limit: number, signal: StopSignal): Promise<number> {
    const table = this.#table
    const expired = this.#db
      .select({ key: table.key })
      .from(table)
      .where(and(lte(table.expiresAt, databaseNow), ofSession(table)))
      .orderBy(asc(table.expiresAt))
      .limit(limit)
      .for('update', { skipLocked: true })
    // Under `in (...)` a planner may run the subquery, and so count the limit, once for every row; an array is made once.
    // Its rows are locked: none can be put off before it is removed.
    const removal = this.#db
      .delete(table)
      .where(sql`${table.key} = any(array(${expired}))`)
      .returning({ key: table.key })
    const removed = await this.#run(async () => removal, signal)
    return removed.length
  }

  /** Reads of one turn of the event loop are one statement: what goes on around each takes longer than to find a row. */
  async #read(batch: Batch<string, StoredRow | undefined>): Promise<void> {
    const { get, getMany } = this.#statements
    const keys = [...new Set(batch.waiting.map(({ request }) => request))]
    const [key = ''] = keys
    const select = () => (keys.length === 1 ? get.execute({ key }) : getMany.execute({ keys: JSON.stringify(keys) }))
    const found = new Map((await this.#run(select, batch.signal)).map((row) => [row.key, row]))
    const given = new Set<string>()
    for (const { request, resolve } of batch.waiting) {
      // Readers of one key get a row each: what one of them does to it is not the others' concern.
      resolve(given.has(request) ? structuredClone(found.get(request)) : found.get(request))
      given.add(request)
    }
  }

  async #write(statement: () => Promise<unknown[]>, key: string, signal: StopSignal): Promise<WriteOutcome> {
    const written = await this.#run(statement, signal)
    // In a statement of its own: the one that was refused does not see a row committed after it began.
    return written.length > 0 ? { written: true } : { written: false, current: await this.get(key, signal) }
  }

  async #run<T>(statement: () => Promise<T>, signal: StopSignal): Promise<T> {
    try {
      return await repeating(() => untilStopped(statement, signal))
    } catch (error) {
      throw toStoreError(error, this.#name)
    }
  }
}

/** A column that is left out of the parameters would be an error. */
function parametersOf(row: SessionRow) {
  return { ...row, userTag: row.userTag ?? null }
}

function toPage(rows: StoredRow[]): RowPage {
  return { rows: rows.flatMap(rowIfWhole), next: rows.length < PAGE_SIZE ? undefined : rows.at(-1)?.key }
}

function rowIfWhole(row: StoredRow): SessionRow[] {
  try {
    return [toRow(row)]
  } catch {
    return []
  }
}
