/** The writes of one session run one after another, in the order in which they were asked for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ObservedTable, setUp } from './support/stores.ts'

/** A table on which inserts take their time. */
function slowTable(): ObservedTable {
  const table = new ObservedTable()
  table.before = (call) => (call === 'insert' ? sleep(15) : undefined)
  return table
}

describe('while a save is under way', () => {
  it('a destroy waits for it', async () => {
    const { store } = setUp({}, slowTable())
    const saved = store.set('id', {})
    await store.destroy('id')
    await saved
    expect(await store.get('id')).toBe(null)
  })

  it('a touch waits for it, and then has nothing to read or write', async () => {
    const { store, table } = setUp({}, slowTable())
    const session = { n: 1 }
    await Promise.all([store.set('id', session), store.touch('id', session)])
    expect(table.calls).toEqual(['insert'])
  })

  it('a second waits for it, and a third for the second', async () => {
    const table = slowTable()
    let running = 0
    let most = 0
    const insert = table.insert.bind(table)
    table.insert = async (...rest) => {
      most = Math.max(most, ++running)
      const outcome = await insert(...rest)
      running--
      return outcome
    }
    const { store } = setUp({}, table)
    const first = store.set('id', { n: 1 })
    const second = store.set('id', { n: 2 })
    await first
    await Promise.all([second, store.set('id', { n: 3 })])
    expect(most).toBe(1)
    expect(await store.get('id')).toEqual({ n: 3 })
  })

  it('a second goes on when it fails', async () => {
    const table = slowTable()
    let failures = 1
    table.before = async () => {
      await sleep(5)
      if (failures-- > 0) throw new Error('down')
    }
    const { store } = setUp({}, table)
    const [first, second] = await Promise.allSettled([store.set('id', { n: 1 }), store.set('id', { n: 2 })])
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
  })

  it('a set back to what the row says is not taken for unchanged', async () => {
    const { store, table } = setUp()
    await store.set('id', { n: 0 })
    const loaded = await store.get<{ n: number }>('id')
    loaded!.n = 1
    const first = store.set('id', loaded!)
    loaded!.n = 0
    await Promise.all([first, store.set('id', loaded!)])
    expect(await store.get('id')).toEqual({ n: 0 })
    expect(table.writes).toEqual(['insert', 'update', 'update'])
  })
})
