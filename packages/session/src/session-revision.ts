import { randomInt } from 'node:crypto'
import type { SessionRow } from './session-row.ts'

/** How many writes of one life have a revision of their own. The one after them begins another life. */
const WRITES_OF_A_LIFE = 2 ** 20

const LIVES = 2 ** 32

type Revised = Pick<SessionRow, 'revision'>

/**
 * The revision of a row that begins a session's life: a random life above, the number of writes beneath. If every life
 * began at 1, a request that was slow enough would take a session made anew under the same id for the one it loaded.
 */
export function firstRevision(): number {
  return randomInt(1, LIVES) * WRITES_OF_A_LIFE
}

/** Whether one row came out of the other by updates alone: in between it was never gone. */
export function isSameLife(a: Revised, b: Revised): boolean {
  return lifeIn(a) === lifeIn(b)
}

function lifeIn({ revision }: Revised): number {
  return Math.floor(revision / WRITES_OF_A_LIFE)
}
