/** The store in the app's own code: promises, callbacks, listings, sizes, the three clocks. */
import { inspect } from 'node:util'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore } from '../src/index.ts'
import { engines, envelope, storeOn } from './support/stores.ts'
import { newTable } from './support/tables.ts'

const session = (user: string, cookie: object = { originalMaxAge: null, expires: null }) => ({ user, cookie })

describe.each(engines)('on $engine', ({ newTable }) => {
  it('promises and callbacks give the same', async () => {
    const store = storeOn(await newTable())
    expect(await store.set('id', session('ada'))).toBe(true)
    const calledBack = await new Promise((resolve, reject) =>
      store.get('id', (error, result) => (error ? reject(error) : resolve(result))),
    )
    const { __waxseal, ...plain } = calledBack as Record<string, unknown>
    expect(plain).toEqual(await store.get('id'))
    expect(inspect(calledBack)).toContain('LoadState {}')
    expect(await store.get('nobody')).toBe(null)
    await store.destroy('id')
    await store.destroy('id')
    expect(await store.get('id')).toBe(null)
    const result = await new Promise((resolve) => store.destroy('nobody', (...args) => resolve(args)))
    expect(result).toEqual([null, undefined])
  })

  it('all, ids, length and clear are complete; expired and unreadable rows do not count as sessions', async () => {
    const clock = fakeClock()
    const table = await newTable()
    const store = storeOn(table, { clock })
    const names = Array.from({ length: 30 }, (_, index) => `user-${index}`)
    await Promise.all(names.map((name) => store.set(name, session(name))))
    await store.set('short', session('short', { originalMaxAge: 1000, expires: new Date(clock.now() + 1000) }))
    await storeOn(table, { clock, logicalName: 'other' }).set('foreign', session('foreign'))
    clock.advanceSeconds(2)
    expect((await store.ids()).sort()).toEqual([...names].sort())
    expect((await store.all()).map(({ id, user }) => [id, user]).sort()).toEqual(
      names.map((name) => [name, name]).sort(),
    )
    expect(await store.length()).toBe(31)
    await store.clear()
    expect(await store.length()).toBe(0)
    expect(await store.ids()).toEqual([])
  })

  it('a loaded session of the app’s own code is not stored once it has been destroyed', async () => {
    const store = storeOn(await newTable())
    const refused: unknown[] = []
    store.on('refused', (event) => refused.push(event))
    await store.set('id', session('ada'))
    const loaded = await store.get<{ user: string }>('id')
    await store.destroy('id')
    loaded!.user = 'grace'
    expect(await store.set('id', loaded!)).toBe(false)
    expect(await store.get('id')).toBe(null)
    expect(refused).toMatchObject([{ type: 'refused', operation: 'set', level: 'debug' }])
  })

  it('touch without a loaded session moves a live row and creates none', async () => {
    const clock = fakeClock()
    const table = await newTable()
    const store = storeOn(table, { clock, ttlSeconds: 100 })
    await store.set('id', session('ada'))
    clock.advanceSeconds(60)
    await store.touch('id', session('ada'))
    clock.advanceSeconds(60)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    await store.touch('nobody', session('eve'))
    expect(await store.length()).toBe(1)
  })

  it.each([
    ['the default life', {}, undefined, 604_800],
    ['ttlSeconds', { ttlSeconds: 60 }, undefined, 60],
    ['a cookie of an hour', {}, 3600, 3600],
    ['a cookie longer than the absolute life', { maxLifetimeSeconds: 1800 }, 3600, 1800],
    ['the default life cut by the absolute one', { maxLifetimeSeconds: 1800 }, undefined, 1800],
  ])('idle expiry: %s', async (_, options, cookieSeconds, expectedSeconds) => {
    const clock = fakeClock()
    const store = storeOn(await newTable(), { clock, ...options })
    const cookie =
      cookieSeconds === undefined
        ? { originalMaxAge: null, expires: null }
        : { originalMaxAge: cookieSeconds * 1000, expires: new Date(clock.now() + cookieSeconds * 1000) }
    await store.set('id', session('ada', cookie))
    clock.advanceSeconds(expectedSeconds - 0.001)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    clock.advanceSeconds(0.001)
    expect(await store.get('id')).toBe(null)
  })

  it('an active user signs in again when the absolute life ends, whatever touch and set do', async () => {
    const clock = fakeClock()
    const store = storeOn(await newTable(), { clock, ttlSeconds: 100, maxLifetimeSeconds: 350 })
    await store.set('id', session('ada'))
    for (let elapsed = 50; elapsed < 350; elapsed += 50) {
      clock.advanceSeconds(50)
      const loaded = await store.get('id')
      expect(loaded).toMatchObject({ user: 'ada' })
      if (elapsed % 100 === 0) await store.touch('id', loaded!)
      else await store.set('id', { ...loaded, elapsed })
    }
    clock.advanceSeconds(50)
    expect(await store.get('id')).toBe(null)
  })

  it('a clock that jumps ten minutes back loses nothing', async () => {
    const clock = fakeClock()
    const store = storeOn(await newTable(), { clock, ttlSeconds: 3600 })
    await store.set('id', session('ada'))
    clock.setNow(clock.now() - 600_000)
    const loaded = await store.get<{ user: string }>('id')
    loaded!.user = 'grace'
    expect(await store.set('id', loaded!)).toBe(true)
    await store.touch('id', loaded!)
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
  })
})

describe.each(inject('engines'))('size on $name', ({ endpoint }) => {
  it('over 400 KB: its own code and the measured size, before any call; just below fits', async () => {
    const { client, tableName } = await newTable(endpoint)
    const document = DynamoDBDocumentClient.from(client)
    const store = new DynamoDBSessionStore({ client: document, tableName, envelope })
    let calls = 0
    const count = (next: (args: never) => unknown) => (args: never) => {
      calls++
      return next(args)
    }
    // The document client shares the stack of the client that it wraps.
    client.middlewareStack.add(count as never, { step: 'initialize' })
    const error = await store.set('id', { data: 'x'.repeat(410_000) }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
      message: expect.stringMatching(/410\d\d\d bytes/),
    })
    await expect(store.set('id', { data: 'x'.repeat(408_900) })).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
    })
    expect(calls).toBe(0)
    expect(await store.set('id', { data: 'x'.repeat(408_400) })).toBe(true)
    expect(calls).toBe(1)
    expect((await store.get<{ data: string }>('id'))?.data).toHaveLength(408_400)
  })
})
