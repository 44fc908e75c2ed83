/** How operations reach their caller, when they fail as well: promises, callbacks, events. */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { setUp, unavailable } from './support/stores.ts'
import { uncaughtDuring } from './support/uncaught.ts'

const storeUnavailable = { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' }
const down = () => unavailable('ERR_WAXSEAL_STORE_UNAVAILABLE')

describe('callbacks', () => {
  it('of set and touch with nothing due are called before they return', async () => {
    const { store } = setUp()
    const session = {}
    await store.set('id', session)
    const called: string[] = []
    store.touch('id', session, () => called.push('touch'))
    store.set('id', session, () => called.push('set'))
    expect(called).toEqual(['touch', 'set'])
  })

  it('that throw are called once, also where nothing is due', async () => {
    const { store } = setUp()
    await store.set('id', { user: 'ada' })
    const loaded = await store.get('id')
    let calls = 0
    const callback = () => {
      calls++
      throw new Error('of the app')
    }
    const uncaught = await uncaughtDuring(() => {
      expect(() => store.touch('id', loaded!, callback)).toThrow('of the app')
      expect(() => store.set('id', loaded!, callback)).toThrow('of the app')
    })
    expect(uncaught).toEqual([])
    expect(calls).toBe(2)
  })

  it('set hands a bad date in an unchanged session to its callback', async () => {
    const { store } = setUp()
    await store.set('id', { user: 'ada', cookie: { originalMaxAge: null, expires: null } })
    const loaded = await store.get<{ cookie: { expires: unknown } }>('id')
    loaded!.cookie.expires = 'soon'
    const results: unknown[] = []
    store.set('id', loaded!, (...result) => results.push(result))
    await sleep(5)
    expect(results).toMatchObject([[{ code: 'ERR_WAXSEAL_SESSION_INVALID' }]])
  })

  it('of load and regenerate are given the error of the database', async () => {
    const { store, table } = setUp()
    table.before = down
    expect(await new Promise((resolve) => store.load('id', resolve))).toMatchObject(storeUnavailable)
    expect(await new Promise((resolve) => store.regenerate({ sessionID: 'id' }, resolve))).toMatchObject(
      storeUnavailable,
    )
  })

  it('load without express-session gives an error to its callback, once', async () => {
    const { store } = setUp()
    await store.set('id', { user: 'ada' })
    const results: unknown[] = []
    const uncaught = await uncaughtDuring(() => store.load('id', (...result) => results.push(result)))
    expect(results).toMatchObject([[{ code: 'ERR_WAXSEAL_ARGUMENT' }]])
    expect(uncaught).toEqual([])
  })
})

it('a touch of the app’s own code rejects when the database is down', async () => {
  const { store, table, clock } = setUp()
  await store.set('id', {})
  clock.advanceSeconds(7200)
  table.before = (call) => (call === 'extend' ? down() : undefined)
  await expect(store.touch('id', {})).rejects.toMatchObject(storeUnavailable)
})

describe('events', () => {
  it('name the code of a failure', async () => {
    const { store, table, events } = setUp()
    table.before = down
    await expect(store.get('id')).rejects.toMatchObject(storeUnavailable)
    expect(events).toMatchObject([{ type: 'failed', level: 'warn', operation: 'get', ...storeUnavailable }])
  })

  it('tell of an invalid set that nobody awaits', async () => {
    const { store, events } = setUp()
    void store.set('id', { n: 1n })
    await sleep(5)
    expect(events).toMatchObject([{ type: 'failed', operation: 'set', code: 'ERR_WAXSEAL_SESSION_INVALID' }])
  })

  it('are published on the channel waxseal:session', async () => {
    const { store, table } = setUp()
    const seen: unknown[] = []
    const listener = (message: unknown) => seen.push(message)
    subscribe('waxseal:session', listener)
    table.before = down
    await store.get('id').catch(() => {})
    unsubscribe('waxseal:session', listener)
    expect(seen).toMatchObject([{ type: 'failed', operation: 'get', ...storeUnavailable }])
    expect(channel('waxseal:session').hasSubscribers).toBe(false)
  })

  it('a listener that throws does not change what an operation gives', async () => {
    const { store, clock } = setUp({ ttlSeconds: 10 })
    await store.set('id', { user: 'ada' })
    clock.advanceSeconds(11)
    const thrown = new Error('of the listener')
    store.on('expired', () => {
      throw thrown
    })
    const uncaught = await uncaughtDuring(async () => expect(await store.get('id')).toBe(null))
    expect(uncaught).toEqual([thrown])
  })
})
