/** What a session object knows of its row, and when that counts: copies, other ids, other stores. */
import { describe, expect, it } from 'vitest'
import { getWithCallback, setUp } from './support/stores.ts'

describe('a session object', () => {
  it('got by promise carries nothing beside the data', async () => {
    const { store } = setUp()
    await store.set('id', { user: 'ada' })
    expect(Object.keys((await store.get('id'))!)).toEqual(['user'])
  })

  it('under two ids is two sessions', async () => {
    const { store } = setUp()
    const session = { user: 'ada' }
    await store.set('a', session)
    await store.set('b', session)
    expect((await store.ids()).sort()).toEqual(['a', 'b'])
  })

  it('got by callback and copied under another id is a session of its own', async () => {
    const { store } = setUp()
    await store.set('a', { user: 'ada' })
    await store.set('b', { ...(await getWithCallback(store, 'a')) })
    expect((await store.ids()).sort()).toEqual(['a', 'b'])
  })

  it('got by callback is inserted into another store', async () => {
    const [from, to] = [setUp().store, setUp().store]
    await from.set('id', { user: 'ada' })
    expect(await to.set('id', await getWithCallback(from, 'id'))).toBe(true)
    expect(await to.get('id')).toEqual({ user: 'ada' })
  })

  it('copied deeply, its state included, is stored as one that was not loaded', async () => {
    const { store } = setUp()
    await store.set('id', { user: 'ada' })
    const loaded = await getWithCallback(store, 'id')
    // What lodash.cloneDeep makes of an instance with private fields.
    const state = Object.create(Object.getPrototypeOf(loaded.__waxseal))
    expect(await store.set('id', { user: 'grace', __waxseal: state })).toBe(true)
    expect(await store.get('id')).toEqual({ user: 'grace' })
  })

  it('follows its own writes: one after another they are no conflict', async () => {
    const { store, events } = setUp()
    await store.set('id', { n: 0 })
    const loaded = await store.get<{ n: number }>('id')
    for (const n of [1, 2, 3]) {
      loaded!.n = n
      expect(await store.set('id', loaded!)).toBe(true)
    }
    expect(events).toEqual([])
  })
})
