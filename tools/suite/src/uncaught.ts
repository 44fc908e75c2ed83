import { setTimeout as sleep } from 'node:timers/promises'

const events = ['uncaughtException', 'unhandledRejection'] as const

/** Runs `task`, and gives what reached nobody during it and shortly after; the test runner does not hear of it. */
export async function uncaughtDuring(task: () => unknown): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  const listeners = events.map((event) => process.listeners(event as 'uncaughtException'))
  for (const event of events) process.removeAllListeners(event).on(event, note)
  try {
    await task()
    await sleep(20)
  } finally {
    for (const [i, event] of events.entries()) {
      process.off(event, note)
      for (const listener of listeners[i] ?? []) process.on(event as 'uncaughtException', listener)
    }
  }
  return uncaught
}
