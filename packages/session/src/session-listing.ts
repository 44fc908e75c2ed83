import type { StopSignal } from './deadlines.ts'
import type { SealedSession } from './sealed-session.ts'
import type { SessionReader } from './session-reader.ts'
import type { SessionRow, SessionTable } from './session-table.ts'

/** Runs one call within a deadline of its own and reports its failure. */
export type Attempt = <T>(
  operation: string,
  key: string | undefined,
  task: (signal: StopSignal) => Promise<T>,
) => Promise<T>

/** What concerns all sessions of a table: page by page, each page and each row within a deadline of its own. */
export class SessionListing {
  readonly #table: SessionTable
  readonly #reader: SessionReader
  readonly #attempt: Attempt

  constructor(table: SessionTable, reader: SessionReader, attempt: Attempt) {
    this.#table = table
    this.#reader = reader
    this.#attempt = attempt
  }

  /** What `pick` takes from every live session; opens every row. */
  async open<T>(operation: string, pick: (sealed: SealedSession) => T): Promise<T[]> {
    const found: T[] = []
    for await (const rows of this.#pages(operation)) {
      for (const row of rows) {
        const sealed = await this.#attempt(operation, row.key, () => this.#reader.open(row, operation))
        if (sealed !== undefined) found.push(pick(sealed))
      }
    }
    return found
  }

  async count(): Promise<number> {
    let count = 0
    for await (const rows of this.#pages('length')) {
      count += rows.filter((row) => !this.#reader.isExpired(row)).length
    }
    return count
  }

  async clear(): Promise<void> {
    for await (const rows of this.#pages('clear')) {
      const keys = rows.map((row) => row.key)
      await this.#attempt('clear', undefined, (signal) => this.#table.deleteMany(keys, signal))
    }
  }

  async *#pages(operation: string): AsyncGenerator<readonly SessionRow[]> {
    let next: unknown
    do {
      const page = await this.#attempt(operation, undefined, (signal) => this.#table.list(next, signal))
      yield page.rows
      next = page.next
    } while (next !== undefined)
  }
}
