import assert from 'node:assert/strict'
import { appearsIn } from '../appears-in.ts'
import type { TestRunner } from '../test-runner.ts'
import { dataOf, newSession, type SetUp } from './set-up.ts'

const ID = 'session-id-of-128-bits-0f9d8c7b6a'
const SECRET = 'what-only-this-session-holds'

/** What can be read from a table, and what can be done to it. */
export function tableCases(it: TestRunner['it'], setUp: SetUp): void {
  it('writes no session id into the table: who reads it can use none', async () => {
    const { store, rawRows } = await setUp()
    await store.set(ID, newSession())
    assert.equal(await store.length(), 1)
    assert.ok(!appearsIn(await rawRows(), ID), 'the session id stands in the table')
  })

  it('writes nothing of a session into the table that can be read there', async () => {
    const { store, rawRows } = await setUp()
    await store.set(ID, newSession({ note: SECRET }))
    assert.equal((await store.get(ID))?.note, SECRET)
    assert.ok(!appearsIn(await rawRows(), SECRET), 'a value of the session stands in the table')
  })

  it('opens no row in the place of another: exchanged rows are no sessions, and stay', async () => {
    const { store, reopen, rawRows, swapRows, events } = await setUp()
    await store.set('of-ada', newSession({ user: 'ada' }))
    await store.set('of-eve', newSession({ user: 'eve' }))
    await swapRows('of-ada', 'of-eve')
    for (const reader of [store, await reopen()]) {
      assert.equal(await reader.get('of-eve'), null)
      assert.equal(await reader.get('of-ada'), null)
      assert.deepEqual(await reader.ids(), [])
    }
    assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(['unreadable']))
    assert.equal((await rawRows()).length, 2)
  })

  it('ends a session at its absolute end, wherever its row says that it ends', async () => {
    const { store, reopen, clock, moveEnds } = await setUp({ ttlSeconds: 100, maxLifetimeSeconds: 350 })
    await store.set('id', newSession())
    await moveEnds('id', clock.now() + 10_000_000)
    clock.advanceSeconds(349)
    assert.deepEqual(dataOf(await store.get('id')), { name: 'ada' })
    clock.advanceSeconds(1)
    for (const reader of [store, await reopen()]) assert.equal(await reader.get('id'), null)
  })

  it('takes the key of a row for no session id', async () => {
    const { store, copyRow } = await setUp()
    await store.set('id', newSession())
    await copyRow('id', 'planted')
    assert.equal(await store.get('planted'), null)
  })
}
