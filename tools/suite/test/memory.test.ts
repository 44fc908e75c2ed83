import { MemoryTable, SessionStore } from '@waxseal/session'
import { sessionStoreSuite } from '../src/suite.ts'

sessionStoreSuite({
  name: 'memory',
  async newTable() {
    const port = new MemoryTable()
    return { port, newStore: (options) => new SessionStore(port, options) }
  },
})
