import type { Clock } from './clock.ts'
import { WaxsealError } from './errors.ts'

/** The service is asked again in the background from this share of the time on, so that nobody has to wait for it … */
const ASK_AT = 0.8
/** … and, when it could not be asked, not before this share of the time has passed again. */
const ASK_AGAIN_AFTER = 0.1

export interface StandingRules {
  /** How long one good answer is enough. */
  readonly revalidateMs: number
  /** How long the last good answer is enough while the service cannot be asked; 0: never longer. */
  readonly staleIfErrorMs: number
}

export interface KeyStandingOptions extends StandingRules {
  readonly clock: Clock
  /** Unwraps a data key again, under the key-encryption key in question, and throws it away. */
  readonly ask: () => Promise<void>
  /** The service answered that the key is not ours to use any more; called before anybody learns of it. */
  readonly onDenied: () => void
}

/**
 * Whether one key-encryption key is still ours to use under one encryption context. Revocation concerns that pair and
 * no single data key, so one question to the key service vouches for all data keys beneath it.
 */
export class KeyStanding {
  readonly #options: KeyStandingOptions
  /** Instants of questions are those at which they were asked: what the service knew then is all that an answer says. */
  #askedAt: number
  #goodUntil: number
  #askAgainAt: number
  #asking: Promise<void> | undefined

  constructor(options: KeyStandingOptions, goodAt: number) {
    this.#options = options
    this.#askedAt = goodAt
    this.#goodUntil = this.#goodUntilAfter(goodAt)
    this.#askAgainAt = goodAt + options.revalidateMs * ASK_AT
  }

  /** Some call under this key began at that instant and succeeded. */
  succeeded(askedAt: number): void {
    const goodUntil = this.#goodUntilAfter(askedAt)
    if (goodUntil < this.#goodUntil) return
    this.#askedAt = askedAt
    this.#goodUntil = goodUntil
    this.#askAgainAt = askedAt + this.#options.revalidateMs * ASK_AT
  }

  /**
   * Whether the data keys beneath may be used without waiting: the service was asked lately, and either let us or could
   * not answer while its last good answer still holds. Asks again in the background when that is due.
   */
  mayUse(now: number): boolean {
    if (now >= this.#askedAt + this.#options.revalidateMs || now >= this.#goodUntil) return false
    // The outcome reaches those who come later; it is counted and on the channel.
    if (now >= this.#askAgainAt) this.#ask().catch(() => {})
    return true
  }

  /**
   * For those whom {@link mayUse} turned away: asks now, once for all who wait. Resolves when the data keys may be used.
   * @throws WaxsealError `ERR_WAXSEAL_KEY_DENIED`; or, once the last good answer is too old, why the service cannot be asked.
   */
  async confirm(): Promise<void> {
    try {
      await this.#ask()
    } catch (error) {
      if (isDenied(error) || this.#options.clock.monotonicNow() >= this.#goodUntil) throw error
    }
  }

  /** What was vouched for so far counts no longer: the next use waits for an answer. */
  doubt(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askNow(): Promise<void> {
    const { clock, ask, onDenied, revalidateMs } = this.#options
    const now = clock.monotonicNow()
    this.#askAgainAt = now + revalidateMs * ASK_AGAIN_AFTER
    try {
      await ask()
    } catch (error) {
      if (isDenied(error)) onDenied()
      else this.#askedAt = now
      throw error
    }
    this.succeeded(now)
  }

  #goodUntilAfter(goodAt: number): number {
    const { revalidateMs, staleIfErrorMs } = this.#options
    return goodAt + Math.max(revalidateMs, staleIfErrorMs)
  }
}

export function isDenied(error: unknown): boolean {
  return error instanceof WaxsealError && error.code === 'ERR_WAXSEAL_KEY_DENIED'
}
