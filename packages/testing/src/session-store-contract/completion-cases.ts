import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestRunner } from '../test-runner.ts'
import { contentOf, dataOf, found, newSession, type SetUp } from './set-up.ts'
import { throughCallbacks } from './store-calls.ts'
import type { StoreCallback, StoreUnderTest } from './store-under-test.ts'
import { uncaughtDuring } from './uncaught.ts'

const INVALID = 'ERR_WAXSEAL_SESSION_INVALID'

type Start = (store: StoreUnderTest, id: string, callback: StoreCallback<unknown>) => void

/** Every operation of one session, by its callback. */
const operations: Readonly<Record<string, Start>> = {
  get: (store, id, callback) => store.get(id, callback),
  set: (store, id, callback) => store.set(id, newSession(), callback),
  touch: (store, id, callback) => store.touch(id, newSession(), callback),
  destroy: (store, id, callback) => store.destroy(id, callback),
  length: (store, _id, callback) => store.length(callback),
}

/** How calls end, and to whom objects belong: where the frameworks hang, crash or lose data if a store gets it wrong. */
export function completionCases(it: TestRunner['it'], setUp: SetUp): void {
  it('calls back once, and not again where the callback throws', async () => {
    const { store } = await setUp()
    for (const [name, start] of Object.entries(operations)) {
      let calls = 0
      const uncaught = await uncaughtDuring(
        () =>
          new Promise((resolve) =>
            start(store, 'id', () => {
              calls++
              resolve()
              throw new Error(name)
            }),
          ),
      )
      assert.equal(calls, 1, `${name} called back ${calls} times`)
      assert.deepEqual(uncaught, [new Error(name)])
    }
  })

  it('never throws: what cannot be stored is an error to the callback, once', async () => {
    const { store, rawRows } = await setUp()
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    for (const session of [cyclic, { big: 1n }, null, 'text', [1], { cookie: 'x' }]) {
      const results = await resultsOf((callback) => store.set('id', session as object, callback))
      assert.deepEqual(results.map(codeOf), [INVALID])
    }
    for (const id of ['', undefined, null, 7, {}]) {
      const results = await resultsOf((callback) => store.get(id as string, callback))
      assert.deepEqual(results.map(codeOf), [INVALID])
    }
    assert.deepEqual(await rawRows(), [])
  })

  it('refuses keys that are members of a framework’s own session', async () => {
    const { store } = await setUp()
    for (const name of ['save', 'touch', 'id', 'req', 'regenerate', 'destroy', 'get', 'set', '__proto__', 'toString']) {
      const session = JSON.parse(`{ "name": "ada", "${name}": "x" }`)
      await assert.rejects(store.set('id', session), { code: INVALID }, name)
    }
  })

  it('does without a callback', async () => {
    const { store, rawRows, setFault, events } = await setUp()
    const uncaught = await uncaughtDuring(async () => {
      store.set('id', newSession(), undefined)
      store.touch('id', newSession(), undefined)
      store.destroy('id', undefined)
      // In its turn, after those.
      await store.destroy('id')
      assert.equal(await store.get('id'), null)
      assert.deepEqual(await rawRows(), [])
      await setFault('unreachable')
      store.destroy('id', undefined)
      while (events.length === 0) await sleep(1)
      await setFault('none')
    })
    assert.deepEqual(uncaught, [])
  })

  it('calls back before set returns where nothing is to be written: Fastify answers twice otherwise', async () => {
    const { store } = await setUp()
    await store.set('id', newSession())
    const loaded = found(await store.get('id'))
    let called = false
    store.set('id', loaded, () => {
      called = true
    })
    assert.ok(called, 'it called back later')
  })

  it('stores a session as it is at the call, not as it is when the write runs', async () => {
    const { store } = await setUp()
    const session = newSession({ step: 1, list: ['a'] })
    const stored = store.set('id', session)
    session.step = 2
    ;(session.list as string[]).push('b')
    await stored
    assert.deepEqual(dataOf(await store.get('id')), { step: 1, list: ['a'] })
  })

  it('gives an object of its own at each get, which its caller may change', async () => {
    const { store } = await setUp()
    await store.set('id', newSession({ nested: { step: 1 } }))
    const before = contentOf(await store.get('id'))
    const loaded = found(await store.get('id'))
    ;(loaded.nested as { step: number }).step = 2
    loaded.more = true
    delete loaded.cookie
    assert.deepEqual(contentOf(await store.get('id')), before)
  })

  it('knows a session again by Fastify’s copy of what a callback was given: a logout is final', async () => {
    const { store } = await setUp()
    await store.set('id', newSession())
    const copy = { ...found(await throughCallbacks.get(store, 'id')) }
    await store.destroy('id')
    await store.set('id', Object.assign(copy, { late: true }))
    assert.equal(await store.get('id'), null)
  })

  it('regenerates: the old session goes, Express’s generate makes the new one', async () => {
    const { store } = await setUp()
    await store.set('old', newSession())
    const request: { sessionID: string; generated?: boolean } = { sessionID: 'old' }
    store.generate = (given: never) => {
      const request: { sessionID: string; generated?: boolean } = given
      request.sessionID = 'new'
      request.generated = true
    }
    const results = await resultsOf((callback) => store.regenerate(request, callback))
    assert.deepEqual(results.map(codeOf), [undefined])
    assert.deepEqual(request, { sessionID: 'new', generated: true })
    assert.equal(await store.get('old'), null)
  })
}

/** The errors that a callback was given, until shortly after the first. */
async function resultsOf(start: (callback: (error?: unknown) => void) => void): Promise<unknown[]> {
  const errors: unknown[] = []
  await new Promise<void>((resolve) =>
    start((error) => {
      errors.push(error)
      resolve()
    }),
  )
  await sleep(5)
  return errors
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code
}
