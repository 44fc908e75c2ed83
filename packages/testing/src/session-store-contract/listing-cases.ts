import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { newSession, type SetUp } from './set-up.ts'
import type { StoreCalls } from './store-calls.ts'
import type { StoreUnderTest } from './store-under-test.ts'

const names = Array.from({ length: 30 }, (_, index) => `session-${index}`).sort()

/** What all, ids, length, clear and sessions give. */
export function listingCases(it: TestRunner['it'], setUp: SetUp, calls: StoreCalls): void {
  const fill = (store: StoreUnderTest) =>
    Promise.all(names.map((name) => calls.set(store, name, newSession({ of: name }))))

  it('lists every session once, with its id and its data', async () => {
    const { store } = await setUp()
    await fill(store)
    const all = (await calls.all(store)) ?? []
    assert.deepEqual(all.map(({ id }) => id).sort(), names)
    for (const { id, of } of all) assert.equal(of, id)
    assert.deepEqual((await calls.ids(store))?.sort(), names)
    assert.equal(await calls.length(store), names.length)
    const seen: unknown[] = []
    for await (const { id } of store.sessions()) seen.push(id)
    assert.deepEqual(seen.sort(), names)
  })

  it('lists no session that has expired or was destroyed', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 60 })
    await calls.set(store, 'expired', newSession())
    clock.advanceSeconds(59)
    await calls.set(store, 'alive', newSession())
    await calls.set(store, 'destroyed', newSession())
    await calls.destroy(store, 'destroyed')
    clock.advanceSeconds(1)
    assert.deepEqual(await calls.ids(store), ['alive'])
    assert.deepEqual(
      (await calls.all(store))?.map(({ id }) => id),
      ['alive'],
    )
    assert.equal(await calls.length(store), 1)
  })

  it('ends a listing with the reason of its signal', async () => {
    const { store } = await setUp()
    await fill(store)
    const ending = new AbortController()
    const reason = new Error('enough')
    let seen = 0
    const listing = async () => {
      for await (const _ of store.sessions({ signal: ending.signal })) if (++seen === 1) ending.abort(reason)
    }
    await assert.rejects(listing(), reason)
    assert.equal(seen, 1)
  })

  it('neither lists nor clears rows of another kind, whose keys begin with #', async () => {
    const { store, copyRow, rawRows, events } = await setUp()
    await calls.set(store, 'id', newSession())
    await copyRow('id', '#waxseal/of-another-kind')
    assert.deepEqual(await calls.ids(store), ['id'])
    assert.equal(await calls.length(store), 1)
    assert.deepEqual(events, [])
    await calls.clear(store)
    assert.equal((await rawRows()).length, 1)
  })

  it('clears every session, and goes on with new ones', async () => {
    const { store, rawRows } = await setUp()
    await fill(store)
    await calls.clear(store)
    assert.deepEqual(await rawRows(), [])
    assert.equal(await calls.get(store, 'session-0'), null)
    await calls.set(store, 'new', newSession())
    assert.deepEqual(await calls.ids(store), ['new'])
  })
}
