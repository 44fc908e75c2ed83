/** Traps 3, 5 and 6 as far as the store alone shows them: how a call ends, and what it takes and gives. */
import { expect, it } from 'vitest'
import type { SuiteDatabase } from './database.ts'
import { observe } from './observed-table.ts'
import { sessionOf } from './support.ts'
import { uncaughtDuring } from './uncaught.ts'

const invalid = { code: 'ERR_WAXSEAL_SESSION_INVALID' }

export function completionCases(database: SuiteDatabase): void {
  it('trap 3: set never throws and calls back once, with an error, for what it cannot store', async () => {
    const store = (await observe(database)).newStore()
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    for (const session of [cyclic, { n: 1n }, null, 'text', [1], { save: 1 }, { cookie: 'x' }]) {
      const results: unknown[] = []
      await new Promise<void>((resolve) => {
        store.set('id', session as object, (...result) => {
          results.push(result)
          setImmediate(resolve)
        })
      })
      expect(results).toMatchObject([[invalid]])
    }
  })

  it('trap 3: set and touch of a loaded session do not throw either, whatever its cookie says', async () => {
    const store = (await observe(database)).newStore()
    await store.set('id', { user: 'ada', cookie: { expires: null } })
    const loaded = await store.get<{ cookie: { expires: unknown } }>('id')
    loaded!.cookie.expires = 'one fine day'
    await expect(store.set('id', loaded!)).rejects.toMatchObject(invalid)
    await expect(store.touch('id', loaded!)).rejects.toMatchObject(invalid)
    await expect(store.touch('id', null as never)).rejects.toMatchObject(invalid)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
  })

  it('trap 3: a callback that throws is not called a second time', async () => {
    const store = (await observe(database)).newStore()
    const thrown = new Error('from the callback')
    let calls = 0
    const called = new Promise<void>((resolve) => {
      store.get('nobody', () => {
        calls++
        resolve()
        throw thrown
      })
    })
    expect(await uncaughtDuring(() => called)).toEqual([thrown])
    expect(calls).toBe(1)
  })

  it('trap 3: set takes the session as it is at the call, not as it is when the write runs', async () => {
    const store = (await observe(database)).newStore()
    const session = { step: 1, list: ['a'] }
    const stored = store.set('id', session)
    session.step = 2
    session.list.push('b')
    await stored
    expect(await store.get('id')).toMatchObject({ step: 1, list: ['a'] })
  })

  it('trap 5: set calls back before it returns when no write is due', async () => {
    const store = (await observe(database)).newStore()
    const session = sessionOf('ada')
    await store.set('id', session)
    let called = false
    store.set('id', session, () => {
      called = true
    })
    expect(called).toBe(true)
  })

  it('trap 6: get returns a fresh object each time', async () => {
    const store = (await observe(database)).newStore()
    await store.set('id', { nested: { value: 1 } })
    const first = await store.get<{ nested: { value: number } }>('id')
    first!.nested.value = 2
    expect(await store.get('id')).toMatchObject({ nested: { value: 1 } })
    expect(Object.isFrozen(first)).toBe(false)
  })

  it.each(['save', 'touch', 'id', 'req', 'regenerate', 'get', 'sessionId', 'toString', 'constructor', '__proto__'])(
    'trap 6: the key %s is refused before any call',
    async (name) => {
      const table = await observe(database)
      const session = JSON.parse(`{ "user": "ada", ${JSON.stringify(name)}: "x" }`)
      await expect(table.newStore().set('id', session)).rejects.toMatchObject(invalid)
      expect(table.take()).toEqual([])
    },
  )

  it.each(['', undefined, null, 7, {}, '\ud800'])('the id %j is refused before any call', async (id) => {
    const table = await observe(database)
    const store = table.newStore()
    const sessionId = id as string
    await expect(store.get(sessionId)).rejects.toMatchObject(invalid)
    await expect(store.set(sessionId, {})).rejects.toMatchObject(invalid)
    await expect(store.destroy(sessionId)).rejects.toMatchObject(invalid)
    await expect(store.touch(sessionId, {})).rejects.toMatchObject(invalid)
    expect(table.take()).toEqual([])
  })
}
