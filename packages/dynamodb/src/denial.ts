/** How long an action that the role is denied is not tried again. */
const DENIAL_MILLISECONDS = 300_000

/** Remembers that AWS denied an action for which there is another way, and reports it the first time. */
export class Denial {
  readonly #report: () => void
  #at = Number.NEGATIVE_INFINITY

  constructor(report: () => void) {
    this.#report = report
  }

  get isRecent(): boolean {
    return performance.now() - this.#at < DENIAL_MILLISECONDS
  }

  note(): void {
    if (this.#at < 0) this.#report()
    this.#at = performance.now()
  }
}
