/**
 * Waits for what others may be waiting for too: ends the wait of one caller, and nothing of what is under way.
 *
 * @param most milliseconds; undefined: as long as it takes
 * @param overdue makes the error for when they are over
 */
export async function until<T>(
  flight: Promise<T>,
  signal: AbortSignal | undefined,
  most: number | undefined,
  overdue: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let abort = () => {}
  const givenUp = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
    if (most !== undefined) timer = setTimeout(() => reject(overdue()), most)
  })
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  try {
    return await Promise.race([flight, givenUp])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
