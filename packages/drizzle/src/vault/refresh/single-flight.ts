import { AsyncResource } from 'node:async_hooks'

/**
 * What a caller keeps in an AsyncLocalStorage, a trace or a transaction, is not around work that others wait for too, and that
 * goes on when he has given up.
 */
const nobody = new AsyncResource('waxseal.SingleFlight')

/** What is under way in this process, by key: whoever comes meanwhile shares it. */
export class SingleFlight<Result> {
  readonly #flights = new Map<string, Promise<Result>>()

  get(key: string): Promise<Result> | undefined {
    return this.#flights.get(key)
  }

  /** Joins what is under way for the key, or starts it. */
  run(key: string, start: () => Promise<Result>): Promise<Result> {
    return this.#flights.get(key) ?? this.begin(key, start)
  }

  /** Joins what is to start for the key after this turn of the event loop: nobody gets what was read before he asked. */
  gather(key: string, start: () => Promise<Result>): Promise<Result> {
    return this.run(key, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      this.#flights.delete(key)
      return start()
    })
  }

  /** Starts it in any case; who comes from now on joins this one. */
  begin(key: string, start: () => Promise<Result>): Promise<Result> {
    const flight: Promise<Result> = nobody.runInAsyncScope(start).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    // Those who wait hear of a failure; where everybody has given up waiting, it is nobody's unhandled rejection.
    flight.catch(() => {})
    return flight
  }

  /** Resolves once nothing is under way. */
  async ended(): Promise<void> {
    while (this.#flights.size > 0) await Promise.allSettled(this.#flights.values())
  }
}
