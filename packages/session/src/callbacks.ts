/** A Node callback: an error, or `null` and a result. */
export type Callback<T = void> = (error: unknown, result?: T) => void

/**
 * The one path on which an operation reaches its caller: as a promise, or once through the callback. The callback runs
 * on a tick of its own, outside the promise chain; inside it, a callback that throws would be called a second time.
 */
export function deliver<T>(promise: Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  if (typeof callback !== 'function') {
    // express-session calls destroy without a callback; a rejection that nobody holds must not end the process.
    // Whoever awaits the promise still gets it, and every failure is on the store's events.
    promise.catch(() => {})
    return promise
  }
  promise.then(
    (result) => process.nextTick(callback, null, result),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}

/** Ends an operation that had nothing to do at once: @fastify/session sends headers twice after an asynchronous one. */
export function complete<T>(result: T, callback: Callback<T> | undefined): Promise<T> | undefined {
  if (typeof callback !== 'function') return Promise.resolve(result)
  callback(null, result)
  return undefined
}
