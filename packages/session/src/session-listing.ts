import type { StopSignal } from './deadlines.ts'
import type { SealedSession } from './sealed-session.ts'
import type { SessionReader } from './session-reader.ts'
import type { RowPage } from './session-row.ts'
import type { SessionTable } from './session-table.ts'

/** What a listing gives of a session. */
export type ListedContent = Pick<SealedSession, 'id' | 'session'>

/** Runs one call within a deadline of its own and reports its failure. */
export type Attempt = <T>(
  operation: string,
  key: string | undefined,
  task: (signal: StopSignal) => Promise<T>,
) => Promise<T>

/** What concerns all sessions of a table: page by page, each page and each row within a deadline of its own. */
export class SessionListing {
  protected readonly reader: SessionReader
  protected readonly attempt: Attempt
  readonly #table: SessionTable

  constructor(table: SessionTable, reader: SessionReader, attempt: Attempt) {
    this.reader = reader
    this.attempt = attempt
    this.#table = table
  }

  /** What `pick` takes from every live session; opens every row. */
  async open<T>(operation: string, pick: (sealed: ListedContent) => T): Promise<T[]> {
    const found: T[] = []
    for await (const page of this.#pages(operation)) {
      for await (const sealed of this.contents(page, operation)) found.push(pick(sealed))
    }
    return found
  }

  async count(): Promise<number> {
    let count = 0
    for await (const page of this.#pages('length')) count += this.countLive(page)
    return count
  }

  async clear(): Promise<void> {
    for await (const page of this.#pages('clear')) {
      const keys = this.keysOf(page)
      await this.attempt('clear', undefined, (signal) => this.#table.deleteMany(keys, signal))
    }
  }

  protected list(next: unknown, signal: StopSignal): Promise<RowPage> {
    return this.#table.list(next, signal)
  }

  protected async *contents({ rows }: RowPage, operation: string): AsyncGenerator<ListedContent> {
    for (const row of rows) {
      const sealed = await this.attempt(operation, row.key, () => this.reader.open(row, operation))
      if (sealed !== undefined) yield sealed
    }
  }

  protected countLive({ rows }: RowPage): number {
    return rows.filter((row) => !this.reader.isExpired(row)).length
  }

  protected keysOf({ rows }: RowPage): string[] {
    return rows.map((row) => row.key)
  }

  async *#pages(operation: string): AsyncGenerator<RowPage> {
    let next: unknown
    do {
      const page = await this.attempt(operation, undefined, (signal) => this.list(next, signal))
      yield page
      next = page.next
    } while (next !== undefined)
  }
}
