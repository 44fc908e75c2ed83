import fc from 'fast-check'
import { describe, it } from 'vitest'
import { frameworks } from '../apps.ts'
import type { SuiteDatabase } from '../database.ts'
import { commands } from './commands.ts'
import { Play } from './play.ts'
import { Server } from './server.ts'

/** How many sequences of up to 80 commands run, for each framework and database. */
const numRuns = Number(process.env.WAXSEAL_MODEL_RUNS ?? 20)

/** What a failure was printed with, to have it again. */
const seed = process.env.WAXSEAL_MODEL_SEED === undefined ? Date.now() : Number(process.env.WAXSEAL_MODEL_SEED)

/** In milliseconds. Whatever is found by then is shrunk as far as it has come. */
const limit = 60_000 + numRuns * 4000

/**
 * What several requests, on two servers, see and do to the sessions of one browser, against a reference that knows every
 * state in which they may be: while answers are lost, writes come late, and clocks jump.
 */
export function modelSuite(database: SuiteDatabase): void {
  describe.each(frameworks)(`the model on ${database.name} under $framework`, (framework) => {
    it('never sees what no state allows', { timeout: limit + 30_000 }, async () => {
      const table = await database.newTable()
      const servers = await Promise.all([Server.start(framework, table), Server.start(framework, table)])
      const now = Date.now()
      try {
        await fc.assert(
          fc.asyncProperty(commands, async (sequence) => {
            const play = new Play(servers, table, now)
            try {
              await fc.asyncModelRun(() => ({ model: play, real: play }), sequence)
            } finally {
              await play.close()
            }
          }),
          { numRuns, seed, interruptAfterTimeLimit: limit, markInterruptAsFailure: true },
        )
      } finally {
        for (const server of servers) await server.stop()
      }
    })
  })
}
