import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { contentOf, cookieIn, dataOf, found, newPersistentSession, newSession, type SetUp } from './set-up.ts'
import type { StoreCalls } from './store-calls.ts'

/** How long a session lives, and what a touch does to that. */
export function lifeCases(it: TestRunner['it'], setUp: SetUp, calls: StoreCalls): void {
  it('gives back what was set, the cookie included', async () => {
    const { store } = await setUp()
    const session = newSession({ name: 'ada', cart: [{ item: 'boat', price: 1.5 }], none: null, empty: '' })
    await calls.set(store, 'id', session)
    assert.deepEqual(contentOf(await calls.get(store, 'id')), session)
    assert.equal(await calls.get(store, 'nobody'), null)
  })

  it('ends a session to the millisecond, at the store’s clock', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 1.5 })
    clock.setNow(1_900_000_000_700)
    await calls.set(store, 'id', newSession())
    clock.setNow(1_900_000_002_199)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada' })
    clock.setNow(1_900_000_002_200)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('gives none that expired long ago, though its row may still be there', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 60 })
    await calls.set(store, 'id', newSession())
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada' })
    clock.advanceSeconds(86_400)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('goes by the life of the cookie where that has one', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 60 })
    await calls.set(store, 'id', newPersistentSession(clock, 3600))
    clock.advanceSeconds(3599)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada' })
    clock.advanceSeconds(1)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('ends a session at its absolute end, whatever set and touch do', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 100, maxLifetimeSeconds: 350, touchAfterSeconds: 0 })
    await calls.set(store, 'id', newSession({ step: 0 }))
    for (let step = 1; step <= 6; step++) {
      clock.advanceSeconds(50)
      const loaded = found(await calls.get(store, 'id'))
      if (step % 2 === 0) await calls.touch(store, 'id', loaded)
      else await calls.set(store, 'id', Object.assign(loaded, { step }))
    }
    clock.advanceSeconds(49)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { step: 5 })
    clock.advanceSeconds(1)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('postpones the end by a touch', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 100, touchAfterSeconds: 0 })
    await calls.set(store, 'id', newSession())
    clock.advanceSeconds(60)
    await calls.touch(store, 'id', found(await calls.get(store, 'id')))
    clock.advanceSeconds(99)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada' })
    clock.advanceSeconds(1)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('writes nothing for requests that only read, while the end is far enough', async () => {
    const { store, clock, rawRows } = await setUp({ ttlSeconds: 1000, touchAfterSeconds: 100 })
    await calls.set(store, 'id', newSession())
    const before = await rawRows()
    clock.advanceSeconds(60)
    const loaded = found(await calls.get(store, 'id'))
    await calls.touch(store, 'id', loaded)
    await calls.set(store, 'id', loaded)
    assert.deepEqual(await rawRows(), before)
  })

  it('never moves the end back by a touch, as one from a server whose clock is behind would', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 100, touchAfterSeconds: 0 })
    await calls.set(store, 'id', newSession())
    const loaded = found(await calls.get(store, 'id'))
    clock.setNow(clock.now() - 40_000)
    await calls.touch(store, 'id', loaded)
    clock.setNow(clock.now() + 40_000)
    clock.advanceSeconds(99)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada' })
  })

  it('creates no session by a touch: not one that never was, nor one that was destroyed', async () => {
    const { store, clock, rawRows } = await setUp({ ttlSeconds: 100, touchAfterSeconds: 0 })
    await calls.touch(store, 'nobody', newSession())
    await calls.set(store, 'id', newSession())
    const loaded = found(await calls.get(store, 'id'))
    await calls.destroy(store, 'id')
    clock.advanceSeconds(60)
    await calls.touch(store, 'id', loaded)
    assert.deepEqual(await rawRows(), [])
  })

  it('does not bring an expired session back by a touch', async () => {
    const { store, clock } = await setUp({ ttlSeconds: 100, touchAfterSeconds: 0 })
    await calls.set(store, 'id', newSession())
    const loaded = found(await calls.get(store, 'id'))
    clock.advanceSeconds(100)
    await calls.touch(store, 'id', loaded)
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('shows a touched session’s new end in its cookie: Fastify goes by that', async () => {
    const { store, clock } = await setUp({ touchAfterSeconds: 0 })
    await calls.set(store, 'id', newPersistentSession(clock, 100))
    clock.advanceSeconds(60)
    const loaded = found(await calls.get(store, 'id'))
    const end = new Date(clock.now() + 100_000).toISOString()
    cookieIn(loaded).expires = end
    await calls.touch(store, 'id', loaded)
    assert.equal(cookieIn(await calls.get(store, 'id')).expires, end)
  })

  it('leaves a cookie that ends with the browser as it is, touched or not', async () => {
    const { store, clock } = await setUp({ touchAfterSeconds: 0 })
    await calls.set(store, 'id', newSession())
    clock.advanceSeconds(60)
    await calls.touch(store, 'id', found(await calls.get(store, 'id')))
    const { expires, originalMaxAge } = cookieIn(await calls.get(store, 'id'))
    assert.deepEqual({ expires, originalMaxAge }, { expires: null, originalMaxAge: null })
  })
}
