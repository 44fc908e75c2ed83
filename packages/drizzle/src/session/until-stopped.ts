import { WaxsealError } from '@waxseal/core'
import type { StopSignal } from '@waxseal/session'

/**
 * What `statement` gives, or `ERR_WAXSEAL_STORE_TIMEOUT` as soon as `signal` aborts. The statement itself runs on:
 * Drizzle hands out nothing by which it could be cancelled, so the driver's own time-outs must end it.
 */
export function untilStopped<T>(statement: () => Promise<T>, signal: StopSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'Its time is over', { retryable: true }))
    if (signal.aborted) return stop()
    signal.onabort = stop
    statement().then(resolve, reject)
  })
}
