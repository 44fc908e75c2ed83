import { WaxsealError } from '@waxseal/core'
import type { StopSignal } from '@waxseal/session'
import { backOff } from './back-off.ts'
import type { Item } from './item.ts'
import type { TableConnection } from './table-connection.ts'

/**
 * Keys in one call. DynamoDB takes 100, but stops an answer at 16 MB: this many items of the largest size stay below it,
 * and what a slow or failing call holds up stays small.
 */
const BATCH_SIZE = 25

/** How long a role that may not use BatchGetItem is not asked again. */
const DENIAL_MILLISECONDS = 300_000

interface Reader {
  readonly key: string
  readonly signal: StopSignal
  readonly resolve: (item: Item | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads of one tick of the event loop in few calls: what the SDK does around each call takes longer than everything else
 * of a read. A read that is alone stays a GetItem.
 */
export class CoalescedReads {
  readonly #connection: TableConnection
  readonly #onDenied: () => void
  #unsent: Batch | undefined
  #deniedAt = Number.NEGATIVE_INFINITY

  /** `onDenied` is called once, when the role turns out to lack dynamodb:BatchGetItem. */
  constructor(connection: TableConnection, onDenied: () => void) {
    this.#connection = connection
    this.#onDenied = onDenied
  }

  /** The item as it is when the call is sent, for this caller alone. Rejects with what the SDK throws. */
  get(key: string, signal: StopSignal): Promise<Item | undefined> {
    if (signal.aborted) return Promise.reject(timedOut())
    return new Promise((resolve, reject) => this.#batchFor(key).join({ key, signal, resolve, reject }))
  }

  #batchFor(key: string): Batch {
    if (this.#unsent?.accepts(key)) return this.#unsent
    const batch = new Batch()
    this.#unsent = batch
    // After all that this turn of the event loop read from its sockets.
    setImmediate(() => {
      if (this.#unsent === batch) this.#unsent = undefined
      this.#send(batch)
    })
    return batch
  }

  async #send(batch: Batch): Promise<void> {
    const isDenied = performance.now() - this.#deniedAt < DENIAL_MILLISECONDS
    if (batch.readers.length === 1 || isDenied) return this.#sendSingly(batch)
    try {
      await this.#sendTogether(batch)
    } catch (error) {
      const name = error instanceof Error && error.name
      if (name === 'AccessDeniedException') this.#noteDenial()
      // One key that DynamoDB does not take fails all; sent singly it fails its own reader.
      if (name === 'AccessDeniedException' || name === 'ValidationException') this.#sendSingly(batch)
      else for (const reader of batch.readers) reader.reject(error)
    }
  }

  async #sendTogether(batch: Batch): Promise<void> {
    for (let attempt = 1; batch.readers.length > 0; attempt++) {
      const keys = batch.keys()
      const { items, unprocessed } = await this.#connection.getMany(keys, batch.stop)
      for (const key of keys) if (!unprocessed.has(key)) batch.answer(key, items.get(key))
      // DynamoDB hands back what it had no capacity for; the SDK does not retry it, and it must not read as "not there".
      if (unprocessed.size > 0) await backOff(attempt)
    }
  }

  #sendSingly(batch: Batch): void {
    for (const { key, signal, resolve, reject } of batch.readers) {
      this.#connection.get(key, signal).then(resolve, reject)
    }
  }

  #noteDenial(): void {
    if (this.#deniedAt < 0) this.#onDenied()
    this.#deniedAt = performance.now()
  }
}

/** Who waits for one call. Each may give up by itself; the call is given up with the last of them. */
class Batch {
  readonly stop: { aborted: boolean; onabort: StopSignal['onabort'] } = { aborted: false, onabort: null }
  readonly #readers = new Map<string, Reader[]>()

  get readers(): Reader[] {
    return [...this.#readers.values()].flat()
  }

  keys(): string[] {
    return [...this.#readers.keys()]
  }

  accepts(key: string): boolean {
    return !this.stop.aborted && (this.#readers.size < BATCH_SIZE || this.#readers.has(key))
  }

  join(reader: Reader): void {
    const { key, signal, reject } = reader
    this.#readers.set(key, [...(this.#readers.get(key) ?? []), reader])
    signal.onabort = () => {
      this.#leave(reader)
      reject(timedOut())
    }
  }

  answer(key: string, item: Item | undefined): void {
    for (const [i, { signal, resolve }] of (this.#readers.get(key) ?? []).entries()) {
      signal.onabort = null
      // Readers of the same key get an item each: what one of them does to it is not the others' concern.
      resolve(i === 0 ? item : structuredClone(item))
    }
    this.#readers.delete(key)
  }

  #leave(reader: Reader): void {
    const others = (this.#readers.get(reader.key) ?? []).filter((other) => other !== reader)
    if (others.length > 0) this.#readers.set(reader.key, others)
    else this.#readers.delete(reader.key)
    if (this.#readers.size > 0) return
    this.stop.aborted = true
    this.stop.onabort?.()
  }
}

function timedOut(): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'The read took too long', { retryable: true })
}
