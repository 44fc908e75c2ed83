/**
 * Waits for what others may be waiting for too: ends the wait of one caller, and nothing of what is under way.
 *
 * @param most milliseconds; undefined: as long as it takes
 * @param overdue makes the error for when they are over
 */
export async function until<T>(flight: Promise<T>, most: number | undefined, overdue: () => Error): Promise<T> {
  if (most === undefined) return flight
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(overdue()), most)
  })
  try {
    return await Promise.race([flight, over])
  } finally {
    clearTimeout(timer)
  }
}

/** Likewise, until `signal` aborts: rejects with its reason. */
export async function unlessAborted<T>(flight: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return flight
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
  })
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([aborted, flight])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
