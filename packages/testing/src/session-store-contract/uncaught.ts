import { setTimeout as sleep } from 'node:timers/promises'

const LONG_ENOUGH = 20

/** Runs `task`, and gives the errors that reached nobody during it and shortly after; the test runner hears of none. */
export async function uncaughtDuring(task: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const listeners = events.map((event) => process.rawListeners(event))
  for (const event of events) process.removeAllListeners(event).on(event, note)
  try {
    await task()
    await sleep(LONG_ENOUGH)
  } finally {
    events.forEach((event, index) => {
      process.off(event, note)
      for (const listener of listeners[index] ?? []) process.on(event, listener as () => void)
    })
  }
  return uncaught
}
