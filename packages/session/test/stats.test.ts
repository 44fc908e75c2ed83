/** What a store counts. */
import { expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

it('a store counts every event since it was made, each under its type', async () => {
  const { store, clock, table } = setUp({ ttlSeconds: 10 })
  const none = store.stats()
  expect(Object.values(none).every((count) => count === 0)).toBe(true)
  await store.set('id', { n: 0 })
  const [one, two] = [await store.get<{ n: number }>('id'), await store.get<{ n: number }>('id')]
  await store.set('id', Object.assign(one!, { n: 1 }))
  await store.set('id', Object.assign(two!, { n: 2 })).catch(() => {})
  clock.advanceSeconds(10)
  await store.get('id')
  await store.get('id')
  table.before = () => Promise.reject(new Error('down'))
  await store.get('id').catch(() => {})
  expect(store.stats()).toEqual({ ...none, conflict: 1, expired: 2, failed: 1 })
  expect(Object.keys(none).sort()).toEqual([
    ...['conflict', 'degraded', 'expired', 'failed', 'merged', 'overwritten', 'refused', 'touch-failed', 'unreadable'],
    ...['version1-read', 'version1-upgraded'],
  ])
  expect(setUp({}, table).store.stats()).toEqual(none)
})
