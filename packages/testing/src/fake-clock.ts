/** A clock that stands still until it is told to move; fits every `clock` option. */
export interface FakeClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds that never go back, also when {@link FakeClock.setNow} does. */
  monotonicNow(): number
  /** Moves both readings forward. */
  advanceSeconds(seconds: number): void
  /** Moves the wall clock alone, forward or back, as an administrator or NTP does. */
  setNow(now: number): void
}

/** Starts at `now`, in milliseconds since the epoch; by default at this moment. */
export function fakeClock(now: number = Date.now()): FakeClock {
  let wall = now
  let monotonic = 0
  return {
    now: () => wall,
    monotonicNow: () => monotonic,
    advanceSeconds(seconds) {
      wall += seconds * 1000
      monotonic += seconds * 1000
    },
    setNow(next) {
      wall = next
    },
  }
}
