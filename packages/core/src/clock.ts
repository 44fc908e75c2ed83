/** Time, injectable so that tests need not wait. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch; may jump when the machine's clock is set. */
  now(): number
  /** Milliseconds since some fixed point; never goes back. Ages are measured with this one. */
  monotonicNow(): number
}

/** The machine's own clocks; the default everywhere. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
}
