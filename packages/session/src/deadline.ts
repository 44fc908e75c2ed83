import { WaxsealError } from '@waxseal/core'

/**
 * Runs `task` and fails with `ERR_WAXSEAL_STORE_TIMEOUT` after `milliseconds`, whatever the task does meanwhile: the
 * AWS SDK has no time-out of its own and hangs on a silent connection. The signal tells the task to stop.
 */
export async function withDeadline<T>(milliseconds: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The session store did not answer within ${milliseconds} ms`
      reject(new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', message, { retryable: true }))
      controller.abort()
    }, milliseconds)
  })
  try {
    return await Promise.race([task(controller.signal), timeout])
  } finally {
    clearTimeout(timer)
  }
}
