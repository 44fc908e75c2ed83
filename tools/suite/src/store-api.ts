/** The store in the app's own code: promises, callbacks, listings. */
import { inspect } from 'node:util'
import { fakeClock } from '@waxseal/testing'
import { expect, it } from 'vitest'
import { envelope, type SuiteDatabase } from './database.ts'
import { eventsOf, sessionOf } from './support.ts'

export function storeApiCases(database: SuiteDatabase): void {
  it('promises and callbacks give the same', async () => {
    const store = (await database.newTable()).newStore({ envelope })
    expect(await store.set('id', sessionOf('ada'))).toBe(true)
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
    const { newStore } = await database.newTable()
    const store = newStore({ envelope, clock })
    const names = Array.from({ length: 30 }, (_, index) => `user-${index}`)
    await Promise.all(names.map((name) => store.set(name, sessionOf(name))))
    await store.set('short', sessionOf('short', { originalMaxAge: 1000, expires: new Date(clock.now() + 1000) }))
    await newStore({ envelope, clock, logicalName: 'other' }).set('foreign', sessionOf('foreign'))
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
    const store = (await database.newTable()).newStore({ envelope })
    const refused = eventsOf(store, 'refused')
    await store.set('id', sessionOf('ada'))
    const loaded = await store.get<{ user: string }>('id')
    await store.destroy('id')
    loaded!.user = 'grace'
    expect(await store.set('id', loaded!)).toBe(false)
    expect(await store.get('id')).toBe(null)
    expect(refused).toMatchObject([{ type: 'refused', operation: 'set', level: 'debug' }])
  })

  it('touch without a loaded session moves a live row and creates none', async () => {
    const clock = fakeClock()
    const store = (await database.newTable()).newStore({ envelope, clock, ttlSeconds: 100 })
    await store.set('id', sessionOf('ada'))
    clock.advanceSeconds(60)
    await store.touch('id', sessionOf('ada'))
    clock.advanceSeconds(60)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    await store.touch('nobody', sessionOf('eve'))
    expect(await store.length()).toBe(1)
  })
}
