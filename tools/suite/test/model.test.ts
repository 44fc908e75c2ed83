import { MemoryTable, SessionStore } from '@waxseal/session'
import { modelSuite } from '../src/model/model-suite.ts'

modelSuite({
  name: 'memory',
  async newTable() {
    const port = new MemoryTable()
    return { port, newStore: (options) => new SessionStore(port, options) }
  },
})
