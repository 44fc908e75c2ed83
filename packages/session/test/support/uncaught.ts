import { setTimeout as sleep } from 'node:timers/promises'

/** Runs `task`, and gives what reached nobody during it and shortly after; the test runner does not hear of it. */
export async function uncaughtDuring(task: () => unknown): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note)
  try {
    await task()
    await sleep(20)
  } finally {
    process.off('uncaughtException', note)
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
  return uncaught
}
