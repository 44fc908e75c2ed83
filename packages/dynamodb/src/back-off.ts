import { setTimeout } from 'node:timers/promises'

/** Waits before attempt 1, 2, …: 50 ms doubled each time up to 1.6 s, of which a random half, so that waiters spread. */
export async function backOff(attempt: number): Promise<void> {
  const ceiling = 25 * 2 ** Math.min(attempt, 6)
  await setTimeout(ceiling * (0.5 + Math.random() / 2))
}
