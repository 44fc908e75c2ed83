/** The rules of writing: what counts as a change, and what becomes of a write that meets another one or an outage. */
import { describe, expect, it } from 'vitest'
import { MemoryTable, sessionKey, type WriteOutcome } from '../src/index.ts'
import { newEnvelope, ObservedTable, setUp, unavailable } from './support/stores.ts'

const browserCookie = { originalMaxAge: null, expires: null }

describe('a change', () => {
  it.each([
    ['a life', { originalMaxAge: 3_600_000 }],
    ['a life of less than a second', { originalMaxAge: 900 }],
    ['an attribute', { sameSite: 'strict' }],
  ])('is %s that the cookie is given in place', async (_, change) => {
    const { store, table } = setUp()
    await store.set('id', { cookie: { ...browserCookie } })
    const loaded = await store.get<{ cookie: object }>('id')
    Object.assign(loaded!.cookie, change)
    await store.set('id', loaded!)
    expect(table.writes).toEqual(['insert', 'update'])
    expect(await store.get('id')).toMatchObject({ cookie: change })
  })

  it('is a cookie that the session gets or loses', async () => {
    const { store, table } = setUp()
    await store.set('id', { user: 'ada' })
    const loaded = await store.get<{ cookie?: object }>('id')
    loaded!.cookie = { ...browserCookie }
    await store.set('id', loaded!)
    delete loaded!.cookie
    await store.set('id', loaded!)
    expect(table.writes).toEqual(['insert', 'update', 'update'])
  })

  it('is an originalMaxAge that moves by a second, not one that drifts by milliseconds', async () => {
    const { store, table } = setUp()
    await store.set('id', { cookie: { originalMaxAge: 60_000, expires: null } })
    const loaded = await store.get<{ cookie: { originalMaxAge: number } }>('id')
    loaded!.cookie.originalMaxAge += 999
    await store.set('id', loaded!)
    expect(table.writes).toEqual(['insert'])
    loaded!.cookie.originalMaxAge += 1
    await store.set('id', loaded!)
    expect(table.writes).toEqual(['insert', 'update'])
  })

  it('taken back after a write whose outcome is unknown is written', async () => {
    const { store, table } = setUp()
    await store.set('id', { role: 'user' })
    const loaded = await store.get<{ role: string }>('id')
    const update = table.update.bind(table)
    // It is applied; its answer is lost.
    table.update = async (...rest) => {
      await update(...rest)
      return unavailable('ERR_WAXSEAL_STORE_UNAVAILABLE')
    }
    loaded!.role = 'admin'
    await expect(store.set('id', loaded!)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' })
    table.update = update
    loaded!.role = 'user'
    expect(await store.set('id', loaded!)).toBe(true)
    expect(await store.get('id')).toEqual({ role: 'user' })
  })
})

describe('a loaded session', () => {
  it('that has expired meanwhile is refused', async () => {
    const { store, events, clock } = setUp({ ttlSeconds: 10 })
    await store.set('id', { n: 0 })
    const loaded = await store.get<{ n: number }>('id')
    clock.advanceSeconds(10)
    loaded!.n = 1
    expect(await store.set('id', loaded!)).toBe(false)
    expect(events).toMatchObject([{ type: 'refused' }])
  })

  it('whose row goes away in the midst of a conflict is refused, and has overwritten nothing', async () => {
    const { store, events, table } = setUp()
    const other = setUp({}, table).store
    await store.set('id', { user: 'ada' })
    const loaded = await store.get<{ theme?: string }>('id')
    await other.set('id', { ...(await other.get('id')), n: 1 })
    let updates = 0
    table.before = async (call) => {
      if (call === 'update' && ++updates === 2) await table.delete(sessionKey('id'))
    }
    loaded!.theme = 'dark'
    expect(await store.set('id', loaded!)).toBe(false)
    expect(updates).toBe(2)
    expect(events.map(({ type }) => type)).toEqual(['refused'])
  })
})

describe('an unloaded session', () => {
  it('over a live row overwrites it, and the event says so', async () => {
    const { store, events } = setUp()
    await store.set('id', { n: 0 })
    await store.set('id', { n: 1 })
    expect(events).toMatchObject([{ type: 'overwritten' }])
    expect(await store.get('id')).toEqual({ n: 1 })
  })

  it('over a row that goes away meanwhile is inserted', async () => {
    const { store, events, table } = setUp()
    await store.set('id', { user: 'ada' })
    table.before = async (call) => {
      if (call !== 'update') return
      table.before = () => {}
      await table.delete(sessionKey('id'))
    }
    expect(await store.set('id', { user: 'grace' })).toBe(true)
    expect(await store.get('id')).toEqual({ user: 'grace' })
    expect(table.writes).toEqual(['insert', 'insert', 'update', 'insert'])
    expect(events).toEqual([])
  })

  it('is not written while the key service cannot say how long the live row may last', async () => {
    const { store, table } = setUp()
    await store.set('id', { n: 0 })
    const envelope = newEnvelope({ unwrapDataKey: () => unavailable('ERR_WAXSEAL_KEY_UNAVAILABLE') })
    const cutOff = setUp({ envelope }, table).store
    await expect(cutOff.set('id', { n: 1 })).rejects.toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE' })
    expect(await store.get('id')).toEqual({ n: 0 })
  })
})

it('a write that meets its own row is a success: an answer was lost and the client repeated the call', async () => {
  const table = new ObservedTable()
  const [insert, update] = [table.insert.bind(table), table.update.bind(table)]
  const lost = async (outcome: Promise<WriteOutcome>, key: string) => {
    await outcome
    return { written: false, current: await MemoryTable.prototype.get.call(table, key) }
  }
  table.insert = (row, now) => lost(insert(row, now), row.key)
  table.update = (row, revision, now) => lost(update(row, revision, now), row.key)
  const { store, events } = setUp({}, table)
  const session = { n: 0 }
  expect(await store.set('id', session)).toBe(true)
  session.n = 1
  expect(await store.set('id', session)).toBe(true)
  expect(table.writes).toEqual(['insert', 'update'])
  expect(events).toEqual([])
})
