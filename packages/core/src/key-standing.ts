import type { Clock } from './clock.ts'
import type { WrappedKey } from './keyring.ts'
import { hasCode } from './verdict.ts'

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
  /** Unwraps a data key again and throws it away. */
  readonly ask: (witness: WrappedKey) => Promise<void>
  /** The key is not ours to use any more; called before anybody learns of it. */
  readonly onDenied: () => void
}

/**
 * Whether one key-encryption key is still ours to use under one encryption context. Revocation concerns that pair and
 * no single data key, so one question to the key service vouches for all data keys beneath it.
 *
 * Instants of answers are those at which the question was asked: what the service knew then is all that they say.
 */
export class KeyStanding {
  readonly #options: KeyStandingOptions
  /** The newest data key that the service let us have; what is unwrapped again to ask. */
  #witness: WrappedKey
  #askedAt = Number.NEGATIVE_INFINITY
  #goodUntil = Number.NEGATIVE_INFINITY
  #deniedAt = Number.NEGATIVE_INFINITY
  #askAgainAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(options: KeyStandingOptions, witness: WrappedKey) {
    this.#options = options
    this.#witness = copyOf(witness)
  }

  /** A call under this key that began at that instant succeeded. */
  succeeded(askedAt: number): void {
    const { revalidateMs, staleIfErrorMs } = this.#options
    const goodUntil = askedAt + Math.max(revalidateMs, staleIfErrorMs)
    if (goodUntil < this.#goodUntil || askedAt < this.#deniedAt) return
    this.#askedAt = askedAt
    this.#goodUntil = goodUntil
    this.#askAgainAt = askedAt + revalidateMs * ASK_AT
  }

  /** A data key beneath, wrapped by this key. */
  witnessedBy(wrappedKey: WrappedKey): void {
    this.#witness = copyOf(wrappedKey)
  }

  /**
   * Whether the data keys beneath may be used without waiting: the service was asked lately, and either let us or could
   * not answer while its last good answer still holds. Asks again in the background when that is due.
   */
  mayUse(now: number): boolean {
    if (now >= this.#askedAt + this.#options.revalidateMs || !this.isGood(now)) return false
    // The outcome reaches those who come later; it is counted and on the channel.
    if (now >= this.#askAgainAt) this.#ask().catch(() => {})
    return true
  }

  /** Whether the last good answer is enough if the service cannot be asked. */
  isGood(now: number): boolean {
    return now < this.#goodUntil
  }

  /**
   * For those whom {@link mayUse} turned away: asks now, once for all who wait. Resolves when the data keys may be used.
   * @throws WaxsealError `ERR_WAXSEAL_KEY_DENIED`; or, once the last good answer is too old, why the service cannot be asked.
   */
  async confirm(): Promise<void> {
    try {
      await this.#ask()
    } catch (error) {
      if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED') || !this.isGood(this.#options.clock.monotonicNow())) throw error
    }
  }

  /** The next use waits for an answer. */
  doubt(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY
  }

  /** The service answered a question of that instant with no. */
  denied(askedAt: number): void {
    this.doubt()
    this.#goodUntil = Number.NEGATIVE_INFINITY
    this.#deniedAt = askedAt
    this.#options.onDenied()
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askNow(): Promise<void> {
    const { clock, ask, revalidateMs } = this.#options
    const now = clock.monotonicNow()
    this.#askAgainAt = now + revalidateMs * ASK_AGAIN_AFTER
    try {
      await ask(this.#witness)
    } catch (error) {
      if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) this.denied(now)
      else this.#askedAt = now
      throw error
    }
    this.succeeded(now)
  }
}

/** Of its own: the bytes given may be a part of a record of up to 1 MiB. */
function copyOf({ keyringId, kid, wrapped }: WrappedKey): WrappedKey {
  return { keyringId, kid, wrapped: new Uint8Array(wrapped) }
}
