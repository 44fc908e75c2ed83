import { WaxsealError } from '@waxseal/core'

/**
 * Tells a table to stop: `aborted`, and a handler called at that moment. It is the small form of an abort signal that
 * the AWS SDK takes too; a full AbortSignal with its listeners costs a tenth of a database call's CPU time.
 */
export interface StopSignal {
  readonly aborted: boolean
  onabort: (() => void) | null
}

interface Deadline extends StopSignal {
  aborted: boolean
  /** Milliseconds on the monotonic clock. */
  readonly endsAt: number
  readonly reject: (reason: unknown) => void
}

/**
 * Ends every operation after the same time, whatever it does meanwhile: the AWS SDK has no time-out of its own and
 * hangs on a silent connection. One timer serves all, because operations end in the order in which they began.
 */
export class Deadlines {
  readonly #milliseconds: number
  readonly #pending = new Set<Deadline>()
  #timer: NodeJS.Timeout | undefined

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  /** What `task` gives, or `ERR_WAXSEAL_STORE_TIMEOUT` (retryable); the reason of `signal` as soon as that aborts. */
  run<T>(task: (stop: StopSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const endsAt = performance.now() + this.#milliseconds
      const deadline: Deadline = { aborted: false, onabort: null, endsAt, reject }
      this.#pending.add(deadline)
      if (this.#timer === undefined) this.#wake(this.#milliseconds)
      const abort = () => this.#end(deadline, signal?.reason)
      signal?.addEventListener('abort', abort)
      const release = () => {
        this.#pending.delete(deadline)
        signal?.removeEventListener('abort', abort)
      }
      task(deadline).then(
        (result) => {
          release()
          resolve(result)
        },
        (error: unknown) => {
          release()
          reject(error)
        },
      )
    })
  }

  #wake(milliseconds: number): void {
    // An operation under way has a socket that keeps the process alive; the timer alone must not.
    this.#timer = setTimeout(() => this.#endDue(), milliseconds).unref()
  }

  #endDue(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const deadline of this.#pending) {
      // Timers count in whole milliseconds; what is due within this one is due.
      if (deadline.endsAt > now + 1) {
        this.#wake(deadline.endsAt - now)
        return
      }
      const message = `The session store did not answer within ${this.#milliseconds} ms`
      this.#end(deadline, new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', message, { retryable: true }))
    }
  }

  #end(deadline: Deadline, reason: unknown): void {
    this.#pending.delete(deadline)
    deadline.reject(reason)
    deadline.aborted = true
    deadline.onabort?.()
  }
}
