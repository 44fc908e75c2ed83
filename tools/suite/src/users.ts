/** The sessions of one user, over several processes with logins and requests under way. */
import { type SessionOptions, type SessionStore, sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, it } from 'vitest'
import { envelope, type SuiteDatabase } from './database.ts'
import { sessionOf } from './support.ts'

const DAY = 86_400
const options: SessionOptions = { envelope, userId: ({ user }) => user as string, timeoutMilliseconds: 60_000 }

/** Stores of as many processes on one new table. */
async function processes(database: SuiteDatabase, count: number, more: Partial<SessionOptions> = {}) {
  const table = await database.newTable()
  return Array.from({ length: count }, () => table.newStore({ ...options, ...more })) as [SessionStore, SessionStore]
}

const keysOf = async (store: SessionStore, user: string) => (await store.sessionsOf(user)).map(({ key }) => key).sort()

/** Some at a time, as a server has requests. */
async function each<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += 25) {
    results.push(...(await Promise.all(items.slice(start, start + 25).map(task))))
  }
  return results
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

export function userCases(database: SuiteDatabase): void {
  describe('the sessions of one user', () => {
    it('are found by every process, from the moment that they are stored until they end', async () => {
      const [here, there] = await processes(database, 2, { label: ({ user }) => `of ${user}` })
      await here.set('a1', sessionOf('ada'))
      await there.set('a2', sessionOf('ada'))
      await here.set('e', sessionOf('eve'))
      await here.set('n', {})
      for (const store of [here, there]) {
        expect(await keysOf(store, 'ada')).toEqual(['a1', 'a2'].map(sessionKey).sort())
        expect(await store.sessionsOf('eve')).toMatchObject([{ key: sessionKey('e'), label: 'of eve' }])
        expect(await store.sessionsOf('nobody')).toEqual([])
      }
      await here.destroy('a1')
      expect(await keysOf(there, 'ada')).toEqual([sessionKey('a2')])
    })

    it('follow a session that changes its user', async () => {
      const [store] = await processes(database, 1)
      await store.set('id', {})
      for (const user of ['ada', 'eve', 'ada', undefined, 'eve']) {
        const session = (await store.get<{ user?: string | undefined }>('id'))!
        session.user = user
        expect(await store.set('id', session)).toBe(true)
        for (const one of ['ada', 'eve']) {
          expect(await keysOf(store, one)).toEqual(one === user ? [sessionKey('id')] : [])
        }
      }
      expect(await store.destroyAllOf('ada')).toBe(0)
      expect(await store.destroyAllOf('eve')).toBe(1)
      expect(await store.get('id')).toBe(null)
    })

    it('end, all 500 of them, with logins and requests under way', { timeout: 120_000 }, async () => {
      const [here, there] = await processes(database, 2)
      const old = names('old', 500)
      await each(old, (id) => (id.endsWith('1') ? there : here).set(id, sessionOf('ada')))
      await each(names('eve', 20), (id) => there.set(id, sessionOf('eve')))
      expect(await here.sessionsOf('ada')).toHaveLength(500)
      const loaded = await each(old.slice(0, 60), async (id) => ({ id, session: (await there.get(id))! }))

      const logins = names('login', 30)
      const login = (id: string) => there.set(id, sessionOf('ada'))
      const loggedIn = logins.slice(0, 15).map(login)
      const ending = here.destroyAllOf('ada')
      const requests = loaded.map(async ({ id, session }, index) => {
        if (index % 3 === 0) return there.set(id, Object.assign(session, { index }))
        if (index % 3 === 1) return there.touch(id, Object.assign(session, sessionOf('ada', { originalMaxAge: 9e6 })))
        await there.destroy(id)
        return there.set(`again-${id}`, sessionOf('ada'))
      })
      loggedIn.push(...logins.slice(15).map(login))
      const ended = await ending
      const stored = await Promise.all(loggedIn)
      await Promise.all(requests)

      for (const id of old) expect(await there.get(id)).toBe(null)
      expect(ended).toBeGreaterThanOrEqual(480)
      // Who signed in afterwards is signed in, and found; who was refused has no session.
      const left = await keysOf(here, 'ada')
      for (const [index, id] of logins.entries()) {
        const isThere = (await there.get(id)) !== null
        expect(left.includes(sessionKey(id))).toBe(isThere)
        if (!stored[index]) expect(isThere).toBe(false)
      }
      expect(await here.destroyAllOf('ada')).toBe(left.length)
      expect(await there.sessionsOf('ada')).toEqual([])
      expect(await here.length()).toBe(20)
      expect(await here.sessionsOf('eve')).toHaveLength(20)
    })

    it('end but for the one that asks, or one alone', async () => {
      const [here, there] = await processes(database, 2)
      for (const id of ['a1', 'a2', 'a3', 'a4']) await here.set(id, sessionOf('ada'))
      await here.set('e', sessionOf('eve'))
      expect(await there.destroyOneOf('ada', sessionKey('e'))).toBe(false)
      expect(await there.destroyOneOf('ada', sessionKey('a4'))).toBe(true)
      expect(await there.destroyOthersOf('ada', 'a2')).toBe(2)
      expect(await keysOf(here, 'ada')).toEqual([sessionKey('a2')])
      expect((await here.ids()).sort()).toEqual(['a2', 'e'])
      expect(await there.destroyOthersOf('ada', 'a2')).toBe(0)
    })

    it('are found under every index key, while it is replaced and logins go on', async () => {
      const [here, there] = await processes(database, 2)
      await here.set('first', sessionOf('ada'))
      await there.set('second', sessionOf('ada'))
      const logins = names('login', 20)
      const stored = logins.map((id, index) => (index % 2 ? here : there).set(id, sessionOf('ada')))
      await Promise.all([here.rotateIndexKey(), there.rotateIndexKey()])
      await Promise.all(stored)
      await here.set('third', sessionOf('ada'))
      await there.set('fourth', sessionOf('ada'))
      for (const store of [here, there]) expect(await store.sessionsOf('ada')).toHaveLength(24)
      expect(await there.destroyAllOf('ada')).toBe(24)
      expect(await here.length()).toBe(0)
    })

    it('are found again after everything was cleared', async () => {
      const [here, there] = await processes(database, 2)
      await here.set('a', sessionOf('ada'))
      await here.clear()
      expect(await there.sessionsOf('ada')).toEqual([])
      await there.set('b', sessionOf('ada'))
      expect(await keysOf(here, 'ada')).toEqual([sessionKey('b')])
      expect(await here.destroyAllOf('ada')).toBe(1)
    })

    it('are found that were stored before the store knew of users, once they are used', async () => {
      const clock = fakeClock()
      const table = await database.newTable()
      await table.newStore({ envelope, clock }).set('a', sessionOf('ada'))
      const store = table.newStore({ ...options, clock })
      expect(await store.sessionsOf('ada')).toEqual([])
      clock.advanceSeconds(DAY)
      await store.touch('a', (await store.get('a'))!)
      expect(await keysOf(store, 'ada')).toEqual([sessionKey('a')])
    })

    it('are no other user’s whose tag somebody put on them', async () => {
      const table = await database.newTable()
      const store = table.newStore(options)
      await store.set('a', sessionOf('ada'))
      await store.set('e', sessionOf('eve'))
      const signal = { aborted: false, onabort: null }
      const [a, e] = await Promise.all(['a', 'e'].map((id) => table.port.get(sessionKey(id), signal)))
      const forged = { ...e!, userTag: a!.userTag, revision: e!.revision + 1 }
      expect(await table.port.update(forged, e!, Date.now(), signal)).toEqual({ written: true })
      expect(await keysOf(store, 'ada')).toEqual([sessionKey('a')])
      expect(await store.destroyAllOf('ada')).toBe(1)
      expect(await store.get('e')).toMatchObject({ user: 'eve' })
    })
  })
}
