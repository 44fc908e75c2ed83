import { WaxsealError } from '@waxseal/core'
import type { StopSignal } from '@waxseal/session'

/**
 * Runs the task for every item, so many at a time, each with a signal of its own, as one signal serves one call at a time.
 * Ends with the first failure, or as soon as `signal` aborts; the calls under way are then aborted.
 */
export async function sideBySide<T>(
  items: readonly T[],
  signal: StopSignal,
  task: (item: T, signal: StopSignal) => Promise<void>,
  atATime = 10,
): Promise<void> {
  const lanes = Array.from({ length: Math.min(atATime, items.length) }, () => ({
    aborted: false,
    onabort: null as StopSignal['onabort'],
  }))
  const stop = () => {
    for (const lane of lanes) {
      lane.aborted = true
      lane.onabort?.()
    }
  }
  signal.onabort = stop
  if (signal.aborted) stop()
  // All lanes take from one iterator.
  const queue = items.values()
  const run = async (lane: StopSignal) => {
    for (const item of queue) {
      if (lane.aborted) throw new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'Its time is over', { retryable: true })
      await task(item, lane)
    }
  }
  try {
    await Promise.all(lanes.map(run))
  } finally {
    stop()
  }
}
