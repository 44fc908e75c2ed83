import type { GrantRows, Use } from './grant-rows.ts'
import { observed } from './vault-events.ts'

/** In milliseconds: an UPDATE for every read would cut the reads a server can do to less than a third. */
const INTERVAL = 500

/** Grants in one statement. */
const BATCH_SIZE = 1000

/** Remembers when grants were used and writes it now and then, the last use of each. */
export class Usage {
  readonly #rows: GrantRows
  #uses = new Map<string, Use>()
  #timer: NodeJS.Timeout | undefined
  #underWay: Promise<void> = Promise.resolve()

  constructor(rows: GrantRows) {
    this.#rows = rows
  }

  /** @param now milliseconds since the epoch */
  note({ id, tenantId }: Pick<Use, 'id' | 'tenantId'>, now: number): void {
    this.#uses.set(id, { id, tenantId, at: new Date(now) })
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL).unref()
  }

  /** Writes what is noted, after any write that is under way. A failure is an event, and those uses are forgotten. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const uses = [...this.#uses.values()]
    this.#uses = new Map()
    const write = () => observed('use', {}, () => this.#write(uses))
    // Nobody waits for what a timer began, and the app's calls have succeeded without it.
    this.#underWay = this.#underWay.then(write).catch(() => {})
    return this.#underWay
  }

  async #write(uses: readonly Use[]): Promise<void> {
    for (let start = 0; start < uses.length; start += BATCH_SIZE) {
      await this.#rows.touch(uses.slice(start, start + BATCH_SIZE))
    }
  }
}
