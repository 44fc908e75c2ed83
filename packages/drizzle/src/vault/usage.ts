import type { GrantRows, Use } from './grant-rows.ts'
import { observed } from './vault-events.ts'

/** In milliseconds: an UPDATE for every read would cut the reads a server can do to less than a third. */
const INTERVAL = 500

/** Grants in one statement. */
const BATCH_SIZE = 1000

/** Grants of which more is remembered while the database does not answer; of the others it is forgotten. */
const MOST_NOTED = 10 * BATCH_SIZE

/** Remembers when grants were used and writes it now and then, the last use of each. */
export class Usage {
  readonly #rows: Pick<GrantRows, 'touch'>
  #uses = new Map<string, Use>()
  #timer: NodeJS.Timeout | undefined
  #isWriting = false
  #flushed: Promise<void> = Promise.resolve()

  constructor(rows: Pick<GrantRows, 'touch'>) {
    this.#rows = rows
  }

  /** @param now milliseconds since the epoch */
  note({ id, tenantId }: Pick<Use, 'id' | 'tenantId'>, now: number): void {
    if (this.#uses.size >= MOST_NOTED && !this.#uses.has(id)) return
    this.#uses.set(id, { id, tenantId, at: new Date(now) })
    if (!this.#isWriting) this.#startTimer()
  }

  /** Writes what is noted, after any write that is under way. A failure is an event, and those uses are forgotten. */
  flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#write())
    return this.#flushed
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL).unref()
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const uses = [...this.#uses.values()]
    this.#uses = new Map()
    this.#isWriting = true
    // Nobody waits for what a timer began, and the app's calls have succeeded without it.
    await observed('use', {}, () => this.#touch(uses)).catch(() => {})
    this.#isWriting = false
    if (this.#uses.size > 0) this.#startTimer()
  }

  async #touch(uses: readonly Use[]): Promise<void> {
    for (let start = 0; start < uses.length; start += BATCH_SIZE) {
      await this.#rows.touch(uses.slice(start, start + BATCH_SIZE))
    }
  }
}
