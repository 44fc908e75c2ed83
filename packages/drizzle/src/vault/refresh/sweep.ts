import { misuse } from '../arguments.ts'
import type { RefreshOutcome } from '../vault-events.ts'
import type { Refresher } from './refresher.ts'

export interface SweepOptions {
  /** Grants at the most. Default 100. */
  readonly limit?: number
  /** Refreshes what expires within so many seconds. Default: within the buffer of each provider. */
  readonly horizonSeconds?: number
  /** Refreshes under way at a time, 1 to 100. Default 8. */
  readonly concurrency?: number
  /** Begins no more; those under way come to their end. */
  readonly signal?: AbortSignal
}

/** How many refreshes ended in which way. */
export type SweepCounts = Record<RefreshOutcome, number>

/** Claims no more than it can begin with at once: a process that dies in the middle leaves few leases behind. */
export async function refreshSweep(
  refresher: Refresher,
  { limit = 100, horizonSeconds = 0, concurrency = 8, signal }: SweepOptions,
): Promise<SweepCounts> {
  if (!(Number.isInteger(limit) && limit >= 0)) misuse('limit must be an integer, not negative')
  if (!(horizonSeconds >= 0 && horizonSeconds < 1e9)) misuse('horizonSeconds must be a number, not negative')
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 100)) {
    misuse('concurrency must be an integer from 1 to 100')
  }
  const counts: SweepCounts = { refreshed: 0, failed: 0, lost: 0 }
  const active = new Set<Promise<void>>()
  try {
    for (let left = limit; left > 0 && !signal?.aborted; ) {
      const room = Math.min(concurrency - active.size, left)
      const begun = await refresher.begin(room, horizonSeconds)
      for (const ended of begun) {
        const flight: Promise<void> = ended.then((outcome) => {
          counts[outcome]++
          active.delete(flight)
        })
        active.add(flight)
      }
      left -= begun.length
      if (begun.length < room) break
      if (active.size >= concurrency) await Promise.race(active)
    }
  } finally {
    await Promise.all(active)
  }
  return counts
}
