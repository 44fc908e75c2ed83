import { type Batch, Batches, type StopSignal } from '@waxseal/session'
import { backOff } from './back-off.ts'
import { Denial } from './denial.ts'
import type { Item } from './item.ts'
import type { TableConnection } from './table-connection.ts'

/**
 * Reads in one call. DynamoDB takes 100 keys, but stops an answer at 16 MB: this many items of the largest size stay
 * below it, and what a slow or failing call holds up stays small. The first is smaller: of 16 readers, 8 wait while the
 * answers for the other 8 are opened.
 */
const BATCH_SIZES = { most: 25, first: 8 }

type Found = Item | undefined

/**
 * Reads of one turn of the event loop in few calls: what the SDK does around each call takes longer than everything else
 * of a read. A read that is alone stays a GetItem.
 */
export class CoalescedReads {
  readonly #connection: TableConnection
  readonly #denial: Denial
  readonly #batches = new Batches<string, Found>(BATCH_SIZES, (batch) => this.#send(batch))

  /** `onDenied` is called once, when the role turns out to lack dynamodb:BatchGetItem. */
  constructor(connection: TableConnection, onDenied: () => void) {
    this.#connection = connection
    this.#denial = new Denial(onDenied)
  }

  /** The item as it is when the call is sent, for this caller alone. Rejects with what the SDK throws. */
  get(key: string, signal: StopSignal): Promise<Found> {
    return this.#batches.add(key, signal)
  }

  async #send(batch: Batch<string, Found>): Promise<void> {
    if (batch.size === 1 || this.#denial.isRecent) return this.#sendSingly(batch)
    try {
      await this.#sendTogether(batch)
    } catch (error) {
      const name = error instanceof Error ? error.name : ''
      if (name === 'AccessDeniedException') this.#denial.note()
      // One key that DynamoDB does not take fails all; sent singly it fails its own reader.
      else if (name !== 'ValidationException') throw error
      this.#sendSingly(batch)
    }
  }

  async #sendTogether(batch: Batch<string, Found>): Promise<void> {
    for (let attempt = 1; batch.size > 0; attempt++) {
      const keys = new Set(batch.waiting.map(({ request }) => request))
      const { items, unprocessed } = await this.#connection.getMany([...keys], batch.signal)
      for (const { request: key, resolve } of batch.waiting) {
        if (unprocessed.has(key)) continue
        const item = items.get(key)
        // Readers of one key get an item each: what one of them does to it is not the others' concern.
        resolve(keys.delete(key) ? item : structuredClone(item))
      }
      // DynamoDB hands back what it had no capacity for; the SDK does not retry it, and it must not read as "not there".
      if (unprocessed.size > 0) await backOff(attempt)
    }
  }

  #sendSingly(batch: Batch<string, Found>): void {
    batch.singly((key, signal) => this.#connection.get(key, signal))
  }
}
