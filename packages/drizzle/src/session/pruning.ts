import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresSessionTable } from './postgres-session-table.ts'

/** Rows in one statement: its locks and its share of the log stay small, and others get their turn in between. */
const BATCH_SIZE = 500

/** In milliseconds, on average. */
const PAUSE = 100

/** Removes expired rows in small batches, now and then or when asked: Postgres itself deletes nothing. */
export class Pruning {
  readonly #table: PostgresSessionTable
  readonly #timeoutMilliseconds: number
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(table: PostgresSessionTable, timeoutMilliseconds: number) {
    this.#table = table
    this.#timeoutMilliseconds = timeoutMilliseconds
  }

  /** Prunes again and again, with `interval` milliseconds in between on average; failures are reported. */
  every(interval: number, report: (error: unknown) => void): void {
    // At random from the first time on, so that processes which started together do not prune together.
    this.#timer = setTimeout(async () => {
      await this.run().catch(report)
      if (!this.#ended) this.every(interval, report)
    }, around(interval)).unref()
  }

  /** Returns how many rows it removed. */
  async run(): Promise<number> {
    let total = 0
    for (;;) {
      const removed = await this.#batch()
      total += removed
      if (removed < BATCH_SIZE || this.#ended) return total
      await sleep(around(PAUSE), undefined, { ref: false })
    }
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  async #batch(): Promise<number> {
    const signal = { aborted: false, onabort: null as (() => void) | null }
    const deadline = setTimeout(() => {
      signal.aborted = true
      signal.onabort?.()
    }, this.#timeoutMilliseconds).unref()
    try {
      return await this.#table.deleteExpired(BATCH_SIZE, signal)
    } finally {
      clearTimeout(deadline)
    }
  }
}

/** Anything from nothing to twice the duration. */
function around(milliseconds: number): number {
  return 2 * milliseconds * Math.random()
}
