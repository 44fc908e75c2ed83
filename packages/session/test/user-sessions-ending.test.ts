/** Ending the sessions of one user: none is left and the call returns, whatever goes on beside it. */
import { generateKey, localKeyring, WaxsealError } from '@waxseal/core'
import { describe, expect, it } from 'vitest'
import { type MemoryTable, type SessionStore, sessionKey } from '../src/index.ts'
import { newEnvelope, ObservedTable, setUp } from './support/stores.ts'

const userId = (session: Record<string, unknown>) => session.user as string

it('a missing id of the session that stays is an error, and ends none', async () => {
  const { store } = setUp({ userId })
  await store.set('current', { user: 'ada' })
  const request: { sessionID?: string } = {}
  await expect(store.destroyOthersOf('ada', request.sessionID!)).rejects.toMatchObject({
    code: 'ERR_WAXSEAL_SESSION_INVALID',
  })
  expect(await store.get('current')).not.toBe(null)
})

describe('while the index key is replaced and a session moves to the new one', () => {
  /** A session of ada's, which another process moves when `one` first looks for rows. */
  async function moving() {
    let meanwhile = async () => {}
    class Slow extends ObservedTable {
      override async listUser(...args: Parameters<MemoryTable['listUser']>) {
        await meanwhile()
        return super.listUser(...args)
      }
      override async deleteUser(...args: Parameters<MemoryTable['deleteUser']>) {
        await meanwhile()
        return super.deleteUser(...args)
      }
    }
    const { clock, store: one, table } = setUp({ userId }, new Slow())
    const { store: two } = setUp({ clock, userId }, table)
    await one.set('stolen', { user: 'ada' })
    const session = (await two.get('stolen'))!
    meanwhile = async () => {
      meanwhile = async () => {}
      await two.rotateIndexKey()
      expect(await two.set('stolen', Object.assign(session, { visits: 1 }))).toBe(true)
    }
    return one
  }
  const key = sessionKey('stolen')

  it.each<[string, (store: SessionStore) => Promise<number | boolean>, number | boolean]>([
    ['all', (store) => store.destroyAllOf('ada'), 1],
    ['the others', (store) => store.destroyOthersOf('ada', 'own'), 1],
    ['one', (store) => store.destroyOneOf('ada', key), true],
  ])('%s are ended', async (_, end, ended) => {
    const store = await moving()
    expect(await end(store)).toBe(ended)
    expect(await store.get('stolen')).toBe(null)
  })

  it('it is listed', async () => {
    const store = await moving()
    expect(await store.sessionsOf('ada')).toMatchObject([{ key }])
  })
})

it('logins that follow each other do not keep it from returning', async () => {
  let removals = 0
  let login: (id: string) => Promise<unknown> = async () => {}
  class Busy extends ObservedTable {
    override async deleteUser(...args: Parameters<MemoryTable['deleteUser']>) {
      const removed = await super.deleteUser(...args)
      // Bounded, so that the test ends where the call would not.
      if (++removals < 20) await login(`login-${removals}`)
      return removed
    }
  }
  const { clock, store, table } = setUp({ userId }, new Busy())
  const { store: elsewhere } = setUp({ clock, userId }, table)
  login = (id) => elsewhere.set(id, { user: 'ada' })
  await login('before')
  expect(await store.destroyAllOf('ada')).toBe(1)
  expect(removals).toBe(1)
  expect(await store.get('before')).toBe(null)
})

it('a session under an index key that was replaced is ended, also after maxLifetimeSeconds was lowered', async () => {
  const { clock, store, table } = setUp({ userId, maxLifetimeSeconds: 30 * 86_400 })
  await store.set('stolen', { user: 'ada' })
  const { store: later } = setUp({ clock, userId, maxLifetimeSeconds: 86_400 }, table)
  await later.rotateIndexKey()
  clock.advanceSeconds(3 * 86_400)
  expect(await later.get('stolen')).not.toBe(null)
  expect(await later.destroyAllOf('ada')).toBe(1)
})

describe('a row whose root key is denied', () => {
  const [current, old] = [localKeyring(generateKey()), localKeyring(generateKey())]
  const code = 'ERR_WAXSEAL_KEY_DENIED'

  /** Three sessions of ada, one of them under a key that is still listed and that this process may no longer use. */
  async function withOneDenied() {
    const { clock, store: before, table } = setUp({ userId, envelope: newEnvelope(current) })
    for (const id of ['phone', 'stolen']) await before.set(id, { user: 'ada' })
    const writing = newEnvelope({ ...current, generateDataKey: old.generateDataKey })
    const { store: elsewhere } = setUp({ clock, userId, envelope: writing }, table)
    await elsewhere.sessionsOf('ada').catch(() => {})
    await elsewhere.set('denied', { user: 'ada' })
    const envelope = newEnvelope({
      ...current,
      unwrapDataKey: (wrappedKeys, context) =>
        current.unwrapDataKey(wrappedKeys, context).catch(() => {
          throw new WaxsealError(code, 'disabled')
        }),
    })
    return setUp({ clock, userId, envelope }, table)
  }

  it('is ended by its tag, and so are the others', async () => {
    const { store, events } = await withOneDenied()
    expect(await store.destroyOthersOf('ada', 'phone')).toBe(2)
    expect(await store.ids()).toEqual(['phone'])
    expect(events).toEqual([
      { type: 'unreadable', level: 'warn', operation: 'destroyOthersOf', key: sessionKey('denied'), code },
    ])
  })

  it('is ended by its key, and keeps no other from being listed', async () => {
    const { store } = await withOneDenied()
    expect((await store.sessionsOf('ada')).map(({ key }) => key).sort()).toEqual(
      ['phone', 'stolen'].map(sessionKey).sort(),
    )
    expect(await store.destroyOneOf('ada', sessionKey('denied'))).toBe(true)
    expect((await store.ids()).sort()).toEqual(['phone', 'stolen'])
  })
})
