import { AsyncResource } from 'node:async_hooks'
import { WaxsealError } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'

/**
 * What a caller keeps in an AsyncLocalStorage, a trace or a transaction, is not around a call for others too: whoever happened
 * to ask first would have their work under his name. A call for one alone stays his.
 */
const nobody = new AsyncResource('waxseal.Batches')

/** Somebody who waits for the answer to a request. The call on his behalf alone, if any, sets his `signal.onabort`. */
export interface Waiter<Request, Answer> {
  readonly request: Request
  readonly signal: StopSignal
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** Requests of one turn of the event loop, for one call. */
export class Batch<Request, Answer> {
  readonly #signal: { aborted: boolean; onabort: StopSignal['onabort'] } = { aborted: false, onabort: null }
  readonly #waiting = new Set<Waiter<Request, Answer>>()
  #asked = 0

  /** Of the call for all. Everybody may give up by himself; with the last of them the call is given up. */
  get signal(): StopSignal {
    return this.#signal
  }

  /** Those who have no answer yet and have not given up. */
  get waiting(): readonly Waiter<Request, Answer>[] {
    return [...this.#waiting]
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Whether anybody but the first has asked, whoever of them still waits. */
  get isShared(): boolean {
    return this.#asked > 1
  }

  /** Whether the call stays within `most` requests with this one; equal ones are one. */
  hasRoomFor(request: Request, most: number): boolean {
    if (this.size < most) return true
    return new Set([...this.waiting.map((waiter) => waiter.request), request]).size <= most
  }

  add(request: Request, signal: StopSignal): Promise<Answer> {
    this.#asked += 1
    return new Promise((resolve, reject) => {
      const leaveBy = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          this.#waiting.delete(waiter)
          signal.onabort = null
          settle(value)
        }
      }
      const waiter = { request, signal, resolve: leaveBy(resolve), reject: leaveBy(reject) }
      this.#waiting.add(waiter)
      signal.onabort = () => {
        waiter.reject(timedOut())
        if (this.#waiting.size === 0) this.#stop()
      }
    })
  }

  /** Makes a call for each who waits, instead of one for all. */
  singly(call: (request: Request, signal: StopSignal) => Promise<Answer>): void {
    for (const { request, signal, resolve, reject } of this.waiting) call(request, signal).then(resolve, reject)
  }

  #stop(): void {
    this.#signal.aborted = true
    this.#signal.onabort?.()
  }
}

/** Requests in a batch at the most. */
export interface BatchSizes {
  readonly most: number
  /** While no other batch is under way: the database works on this one while the process prepares the next. Default `most`. */
  readonly first?: number
}

/**
 * For tables: gathers the requests of one turn of the event loop into batches of limited size, where a call costs more
 * than what it asks for.
 */
export class Batches<Request, Answer> {
  readonly #sizes: Required<BatchSizes>
  readonly #send: (batch: Batch<Request, Answer>) => Promise<void>
  #open: Batch<Request, Answer> | undefined
  #openSize = 0
  #underWay = 0

  /** `send` answers all who wait in a batch; those whom it has not answered when it rejects get its error. */
  constructor({ most, first = most }: BatchSizes, send: (batch: Batch<Request, Answer>) => Promise<void>) {
    this.#sizes = { most, first }
    this.#send = send
  }

  /** Rejects with `ERR_WAXSEAL_STORE_TIMEOUT` as soon as `signal` aborts. */
  add(request: Request, signal: StopSignal): Promise<Answer> {
    if (signal.aborted) return Promise.reject(timedOut())
    const open = this.#open
    const batch = open?.hasRoomFor(request, this.#openSize) && !open.signal.aborted ? open : this.#begin()
    return batch.add(request, signal)
  }

  #begin(): Batch<Request, Answer> {
    const batch = new Batch<Request, Answer>()
    this.#open = batch
    this.#openSize = this.#underWay === 0 ? this.#sizes.first : this.#sizes.most
    this.#underWay += 1
    // After everything that this turn of the event loop read from its sockets.
    setImmediate(() => {
      if (this.#open === batch) this.#open = undefined
      void this.#finish(batch)
    })
    return batch
  }

  async #finish(batch: Batch<Request, Answer>): Promise<void> {
    try {
      if (batch.size === 0) return
      await (batch.isShared ? nobody.runInAsyncScope(this.#send, undefined, batch) : this.#send(batch))
    } catch (error) {
      for (const { reject } of batch.waiting) reject(error)
    } finally {
      this.#underWay -= 1
    }
  }
}

function timedOut(): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'Its time is over', { retryable: true })
}
