import { setMaxListeners } from 'node:events'
import { WaxsealTypeError } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'
import { mapInOrder } from './map-in-order.ts'
import type { SealedSession } from './sealed-session.ts'
import type { SessionReader } from './session-reader.ts'
import type { RowPage } from './session-row.ts'
import type { SessionTable, TablePart } from './session-table.ts'

/** How an operation over all sessions goes about it. */
export interface ListingOptions {
  /** Ends it, and the calls that are under way: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * How many parts of the table are read at once, 1 to 64. Default 1. For large tables of DynamoDB, whose capacity
   * more parts use up faster; the other tables have one part.
   */
  readonly concurrency?: number
}

/** What a listing gives of a session. */
export type ListedContent = Pick<SealedSession, 'id' | 'session'>

/**
 * Runs one call within a deadline of its own and reports its failure. With `ending`, it is one of several that an
 * operation has under way: the first failure is reported and ends them all with its error, an abort is no failure.
 */
export type Attempt = <T>(
  operation: string,
  key: string | undefined,
  task: (stop: StopSignal) => Promise<T>,
  ending?: AbortController,
) => Promise<T>

/** One thing to be done about a page. `key`: the row that it concerns, where it is one. */
export interface PageTask<T> {
  readonly key?: string
  readonly run: (stop: StopSignal) => Promise<T>
}

const MAX_CONCURRENCY = 64

/** Rows opened at a time: each may have to wait for the key service. */
const OPENINGS = 16

/** Deletions under way at a time, for each part that is read. */
const DELETIONS = 4

/** Keys in one deletion: few enough to be deleted within one deadline, also where the database throttles. */
const KEYS_PER_DELETION = 100

/**
 * What concerns all sessions of a table. It goes page by page, so that memory does not grow with the table; each page,
 * each row and each deletion has a deadline of its own.
 */
export class SessionListing {
  protected readonly reader: SessionReader
  readonly #attempt: Attempt
  readonly #table: SessionTable

  constructor(table: SessionTable, reader: SessionReader, attempt: Attempt) {
    this.reader = reader
    this.#attempt = attempt
    this.#table = table
  }

  /** What `pick` takes from every live session; opens every row. */
  async *open<T>(
    operation: string,
    options: ListingOptions | undefined,
    pick: (sealed: ListedContent) => T,
  ): AsyncGenerator<T, void, undefined> {
    const opened = this.#each(operation, options, OPENINGS, (page) => this.openings(page, operation))
    for await (const sealed of opened) if (sealed !== undefined) yield pick(sealed)
  }

  async collect<T>(
    operation: string,
    options: ListingOptions | undefined,
    pick: (sealed: ListedContent) => T,
  ): Promise<T[]> {
    const found: T[] = []
    for await (const picked of this.open(operation, options, pick)) found.push(picked)
    return found
  }

  async count(options?: ListingOptions): Promise<number> {
    let count = 0
    const counts = this.#each('length', options, 1, (page) => [{ run: async () => this.countLive(page) }])
    for await (const some of counts) count += some
    return count
  }

  async clear(options?: ListingOptions): Promise<void> {
    const limit = DELETIONS * (options?.concurrency ?? 1)
    const deletions = this.#each('clear', options, limit, (page) => this.#deletions(this.keysOf(page)))
    for await (const _deleted of deletions);
  }

  protected list(next: unknown, stop: StopSignal, part: TablePart | undefined): Promise<RowPage> {
    return this.#table.list(next, stop, part)
  }

  protected openings({ rows }: RowPage, operation: string): PageTask<ListedContent | undefined>[] {
    return rows.map((row) => ({ key: row.key, run: () => this.reader.open(row, operation) }))
  }

  protected countLive({ rows }: RowPage): number {
    return rows.filter((row) => !this.reader.isExpired(row)).length
  }

  protected keysOf({ rows }: RowPage): string[] {
    return rows.map((row) => row.key)
  }

  #deletions(keys: readonly string[]): PageTask<void>[] {
    return Array.from({ length: Math.ceil(keys.length / KEYS_PER_DELETION) }, (_, index) => {
      const some = keys.slice(index * KEYS_PER_DELETION, (index + 1) * KEYS_PER_DELETION)
      return { run: (stop: StopSignal) => this.#table.deleteMany(some, stop) }
    })
  }

  /** Does what `tasksOf` finds to be done about each page, `limit` at a time, and gives the results in that order. */
  async *#each<T>(
    operation: string,
    { signal, concurrency = 1 }: ListingOptions = {},
    limit: number,
    tasksOf: (page: RowPage) => PageTask<T>[],
  ): AsyncGenerator<T, void, undefined> {
    checkConcurrency(concurrency)
    const ending = new AbortController()
    // One for each call that is under way: bounded, but more than Node takes for a leak.
    setMaxListeners(0, ending.signal)
    const abort = () => ending.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    try {
      for await (const page of this.#pages(operation, concurrency, ending)) {
        const results = mapInOrder(tasksOf(page), limit, ({ key, run }) => this.#attempt(operation, key, run, ending))
        for await (const result of results) {
          ending.signal.throwIfAborted()
          yield result
        }
      }
    } finally {
      // Also where the consumer stops early: what is under way must not go on for nobody.
      signal?.removeEventListener('abort', abort)
      ending.abort()
    }
  }

  /** The pages of all parts, whichever comes first; of each part the next page is read ahead, and no more. */
  async *#pages(operation: string, count: number, ending: AbortController): AsyncGenerator<RowPage, void, undefined> {
    const reads = new Map<number, Promise<{ index: number; page: RowPage }>>()
    const read = (index: number, next: unknown) => {
      const part = count === 1 ? undefined : { index, count }
      const reading = this.#attempt(operation, undefined, (stop) => this.list(next, stop, part), ending)
      const arrival = reading.then((page) => ({ index, page }))
      // Where it fails while the consumer is busy, that is told when the consumer asks again.
      arrival.catch(() => {})
      reads.set(index, arrival)
    }
    for (let index = 0; index < count; index++) read(index, undefined)
    while (reads.size > 0) {
      const { index, page } = await Promise.race(reads.values())
      // To the end of the line: of the pages that are there, the race gives the first, and each part is to have its turn.
      reads.delete(index)
      if (page.next !== undefined) read(index, page.next)
      yield page
    }
  }
}

function checkConcurrency(concurrency: unknown): void {
  if (Number.isInteger(concurrency) && Number(concurrency) >= 1 && Number(concurrency) <= MAX_CONCURRENCY) return
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}`)
}
