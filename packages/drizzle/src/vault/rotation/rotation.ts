import { setTimeout as sleep } from 'node:timers/promises'
import { recordKeyIds, WaxsealError, type WaxsealErrorCode } from '@waxseal/core'
import { checkUuid, misuse } from '../arguments.ts'
import type { GrantRow } from '../grant-row.ts'
import { FIRST_ID, type GrantRows } from '../grant-rows.ts'
import type { TokenSealer } from '../sealed-tokens.ts'
import type { RotationRows } from './rotation-rows.ts'

/** What `rotate` takes. */
export interface RotationOptions {
  /** The `cursor` of some progress: goes on behind the rows that were done by then. Default: from the first row on. */
  readonly cursor?: string
  /** Counts, and writes nothing. Default false. */
  readonly dryRun?: boolean
  /** Rows at a time, 1 to 100. Default 4. */
  readonly concurrency?: number
  /** Rows in a second, sealed anew or not. Default: as many as the database and the key service bear. */
  readonly limitPerSecond?: number
  /** Told after every hundred rows. What it throws ends the rotation. */
  readonly onProgress?: (progress: RotationProgress) => void
  /** Ends the rotation after the rows under way, with its reason. */
  readonly signal?: AbortSignal
}

/** Of the rows so far. */
export interface RotationProgress {
  /** Rows that hold a record. */
  readonly rows: number
  /** Sealed anew; of a dry run, those that would be. The others were under today's keys, or have come under them meanwhile. */
  readonly resealed: number
  /** Did not open, as altered or copied records do: `QUARANTINED`, or left `REVOKING`. */
  readonly unreadable: number
  /** Under keys that the keyring does not list, or of a newer version: left as they are. */
  readonly foreign: number
  /** Where another call can go on. */
  readonly cursor: string
}

const PAGE_SIZE = 100

/** So often a row can have been written by somebody else between read and write. */
const MOST_ATTEMPTS = 100

type Outcome = 'current' | 'resealed' | 'gone' | 'foreign' | { readonly row: GrantRow; readonly error: WaxsealError }

// Says something of this record, where others open: a missing key, an outage or a newer version says something of us.
const ofRecord: readonly WaxsealErrorCode[] = ['ERR_WAXSEAL_INTEGRITY', 'ERR_WAXSEAL_RECORD_MALFORMED']
const foreign: readonly WaxsealErrorCode[] = [
  'ERR_WAXSEAL_KEY_MISMATCH',
  'ERR_WAXSEAL_UNSUPPORTED_VERSION',
  'ERR_WAXSEAL_UNSUPPORTED_SUITE',
  'ERR_WAXSEAL_LEGACY_REFUSED',
]

/** Opens every record, and seals anew those that are not under today's keys. */
export class Rotation {
  readonly #rows: RotationRows
  readonly #grantRows: GrantRows
  readonly #sealer: TokenSealer

  constructor(rows: RotationRows, grantRows: GrantRows, sealer: TokenSealer) {
    this.#rows = rows
    this.#grantRows = grantRows
    this.#sealer = sealer
  }

  async run(options: RotationOptions): Promise<RotationProgress> {
    const { concurrency = 4, limitPerSecond = Number.POSITIVE_INFINITY, onProgress, signal } = options
    if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 100)) {
      misuse('concurrency must be an integer from 1 to 100')
    }
    if (!(limitPerSecond > 0)) misuse('limitPerSecond must be a positive number')
    const cursor = options.cursor === undefined ? FIRST_ID : checkUuid('cursor', options.cursor)
    const writes = options.dryRun !== true
    const keys = await this.#sealer.currentKeys()
    const startedAt = performance.now()
    let progress: RotationProgress = { rows: 0, resealed: 0, unreadable: 0, foreign: 0, cursor }
    let opened = 0
    for (;;) {
      signal?.throwIfAborted()
      const page = await this.#rows.page(progress.cursor, PAGE_SIZE)
      const last = page.at(-1)
      if (last === undefined) return progress
      const outcomes: Outcome[] = []
      while (outcomes.length < page.length) {
        const next = page.slice(outcomes.length, outcomes.length + concurrency)
        outcomes.push(...(await Promise.all(next.map((row) => this.#renew(row, keys, writes)))))
        const due = startedAt + ((progress.rows + outcomes.length) / limitPerSecond) * 1000
        await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => signal?.throwIfAborted())
      }
      const unreadable = outcomes.filter((outcome) => typeof outcome === 'object')
      opened += outcomes.filter((outcome) => outcome === 'current' || outcome === 'resealed').length
      // With a wrong key or context nothing opens: such a process must not take a fleet's grants out of use.
      if (opened === 0 && unreadable[0] !== undefined) throw unreadable[0].error
      if (writes) for (const { row } of unreadable) await this.#rows.quarantine(row)
      progress = {
        rows: progress.rows + page.length,
        resealed: progress.resealed + outcomes.filter((outcome) => outcome === 'resealed').length,
        unreadable: progress.unreadable + unreadable.length,
        foreign: progress.foreign + outcomes.filter((outcome) => outcome === 'foreign').length,
        cursor: last.id,
      }
      onProgress?.(progress)
    }
  }

  /** Throws the envelope's and the database's errors that are not about the row. */
  async #renew(row: GrantRow, keys: string, writes: boolean): Promise<Outcome> {
    let read: GrantRow | undefined = row
    try {
      for (let attempts = 0; attempts < MOST_ATTEMPTS; attempts++) {
        if (read === undefined || read.encryptedValue === null) return 'gone'
        const tokens = await this.#sealer.open(read.encryptedValue, read.id, read)
        if (keysOf(read.encryptedValue) === keys) {
          if (writes && read.status === 'QUARANTINED') await this.#grantRows.lift(read)
          return 'current'
        }
        if (!writes || (await this.#rows.reseal(read, await this.#sealer.seal(tokens, read.id, read))))
          return 'resealed'
        read = await this.#rows.reread(read)
      }
    } catch (error) {
      if (!(error instanceof WaxsealError)) throw error
      if (foreign.includes(error.code)) return 'foreign'
      if (ofRecord.includes(error.code) && read !== undefined) return { row: read, error }
      throw error
    }
    const message = 'Other writes of a grant kept coming first'
    throw new WaxsealError('ERR_WAXSEAL_GRANT_CONFLICT', message, { retryable: true })
  }
}

function keysOf(record: Uint8Array): string {
  return recordKeyIds(record).join(' ')
}
