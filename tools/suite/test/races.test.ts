import { MemoryTable, SessionStore } from '@waxseal/session'
import { raceSuite } from '../src/race-suite.ts'

raceSuite({
  name: 'memory',
  async newTable() {
    const port = new MemoryTable()
    return { port, newStore: (options) => new SessionStore(port, options) }
  },
})
