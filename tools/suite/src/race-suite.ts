import { describe, expect, it } from 'vitest'
import { frameworks } from './apps.ts'
import { envelope, type SuiteDatabase } from './database.ts'
import { raceLogouts, raceUpdates } from './races.ts'

const ROUNDS = 1000

/** Long for a machine that does other things as well. */
const timeout = 120_000

/** Whatever two requests do to one session at the same time, on two servers: nothing is lost, nothing comes back. */
export function raceSuite(database: SuiteDatabase): void {
  describe.each(frameworks)(`races on ${database.name} under $framework`, (framework) => {
    const stores = async (conflict: 'merge' | 'reject') => {
      const table = await database.newTable()
      const options = { envelope, conflict, timeoutMilliseconds: timeout }
      return [table.newStore(options), table.newStore(options)] as const
    }

    it('two requests change two keys at once: both are kept, 1,000 of 1,000', { timeout }, async () => {
      const races = await raceUpdates(framework, await stores('merge'), ROUNDS)
      expect(races).toHaveLength(ROUNDS)
      expect(races.filter(({ kept, failed }) => kept.length !== 2 || failed.length > 0)).toEqual([])
    })

    it('under reject exactly one of them fails, with its code', { timeout }, async () => {
      const races = await raceUpdates(framework, await stores('reject'), ROUNDS / 4)
      const isRight = ({ kept, failed }: (typeof races)[number]) =>
        kept.length === 1 && failed.length === 1 && failed[0] === 'ERR_WAXSEAL_SESSION_CONFLICT'
      expect(races).toHaveLength(ROUNDS / 4)
      expect(races.filter((race) => !isRight(race))).toEqual([])
    })

    it('a logout races another request: never back, in 1,000 interleavings', { timeout }, async () => {
      const back = await raceLogouts(framework, await stores('merge'), ROUNDS)
      expect(back).toHaveLength(ROUNDS)
      expect(back.filter(Boolean)).toEqual([])
    })
  })
}
