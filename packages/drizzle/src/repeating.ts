import { setTimeout as sleep } from 'node:timers/promises'
import { isToBeRepeated } from './postgres-errors.ts'

/** Some seconds of pauses: whoever loses for longer is told. */
const MOST_ATTEMPTS = 50

/** In milliseconds. */
const LONGEST_PAUSE = 100

/** Runs a statement again where a concurrent transaction came first, after a pause at random: else the same ones meet again. */
export async function repeating<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await statement()
    } catch (error) {
      if (!isToBeRepeated(error) || attempt === MOST_ATTEMPTS) throw error
      await sleep(Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE))
    }
  }
}
