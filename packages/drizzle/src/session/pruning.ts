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
  readonly #underWay = new Set<Promise<unknown>>()
  #ended = false

  constructor(table: PostgresSessionTable, timeoutMilliseconds: number) {
    this.#table = table
    this.#timeoutMilliseconds = timeoutMilliseconds
  }

  /** Prunes again and again, with `interval` milliseconds in between on average; failures are reported. */
  every(interval: number, report: (error: unknown) => void): void {
    // At random from the first time on, so that processes which started together do not prune together.
    this.#timer = setTimeout(() => void this.#again(interval, report), around(interval)).unref()
  }

  /** Removes all of them and returns how many, also after the end: it was asked for. */
  run(): Promise<number> {
    return this.#track(this.#batches({ asked: true }))
  }

  /** Resolves when nothing is under way any more, so that the database can be closed. */
  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await Promise.allSettled(this.#underWay)
  }

  async #again(interval: number, report: (error: unknown) => void): Promise<void> {
    await this.#track(this.#batches({ asked: false })).catch(report)
    if (!this.#ended) this.every(interval, report)
  }

  async #track<T>(run: Promise<T>): Promise<T> {
    this.#underWay.add(run)
    try {
      return await run
    } finally {
      this.#underWay.delete(run)
    }
  }

  /** One that was asked for keeps the process alive in the pauses; one of the timer ends with it. */
  async #batches({ asked }: { readonly asked: boolean }): Promise<number> {
    let total = 0
    for (;;) {
      const removed = await this.#batch()
      total += removed
      if (removed < BATCH_SIZE) return total
      await sleep(around(PAUSE), undefined, { ref: asked })
      if (this.#ended && !asked) return total
    }
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
