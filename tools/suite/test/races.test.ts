import { MemoryTable, SessionStore } from '@waxseal/session'
import { expect, it } from 'vitest'
import { frameworks } from '../src/apps.ts'
import { envelope } from '../src/database.ts'
import { raceSuite } from '../src/race-suite.ts'
import { raceUpdates } from '../src/races.ts'

raceSuite({
  name: 'memory',
  async newTable() {
    const port = new MemoryTable()
    return { port, newStore: (options) => new SessionStore(port, options) }
  },
})

it.each(frameworks)('a request that cannot load its session ends the race under $framework', async (framework) => {
  const port = new MemoryTable()
  const [right, left] = [new SessionStore(port, { envelope }), new SessionStore(port, { envelope })]
  const down = (_id: string, done: (error: Error) => void) => done(new Error('The database is down'))
  Object.assign(left, { get: down })
  await expect(raceUpdates(framework, [left, right], 1)).rejects.toThrow('did not get to its route: answers 500,200')
})
