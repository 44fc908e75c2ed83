import type { Channel } from 'node:diagnostics_channel'
import type { Clock } from './clock.ts'
import { hashLabel, openChannel, outcome, type RecordEvent, sealChannel } from './diagnostics.ts'
import type { Scope } from './scope.ts'
import type { Counters } from './stats.ts'

/** One call to seal or open: counts how it ends and tells the channel, at no cost while nobody listens. */
export class Operation {
  readonly #type: 'seal' | 'open'
  readonly #channel: Channel
  readonly #scope: Scope
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #startedAt: number
  #cacheHit = true
  /** The canonical record context, once it is known. */
  context: Uint8Array | undefined

  constructor(type: 'seal' | 'open', scope: Scope, clock: Clock, counters: Counters) {
    this.#type = type
    this.#channel = type === 'seal' ? sealChannel : openChannel
    this.#scope = scope
    this.#clock = clock
    this.#counters = counters
    this.#startedAt = this.#channel.hasSubscribers ? clock.monotonicNow() : 0
  }

  /** The data key was not at hand. */
  missed(): void {
    this.#cacheHit = false
  }

  succeeded(recordBytes: number): void {
    const counters = this.#counters
    if (this.#type === 'seal') counters.seals++
    else counters.opens++
    if (this.#cacheHit) counters.cacheHits++
    else counters.cacheMisses++
    if (this.#channel.hasSubscribers) this.#publish(undefined, recordBytes)
  }

  failed(error: unknown): void {
    this.#counters.failures++
    if (this.#channel.hasSubscribers) this.#publish(error, undefined)
  }

  #publish(error: unknown, recordBytes: number | undefined): void {
    const event: RecordEvent = {
      type: this.#type,
      ...outcome(error),
      version: this.#scope.version,
      encryptionContext: this.#scope.label,
      ...(this.context === undefined ? {} : { recordContext: hashLabel(this.context) }),
      ...(recordBytes === undefined ? {} : { recordBytes }),
      durationMilliseconds: this.#clock.monotonicNow() - this.#startedAt,
      cacheHit: this.#cacheHit,
    }
    this.#channel.publish(event)
  }
}
