import type { SessionOptions, SessionStore } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { expect } from 'vitest'
import { envelope } from './database.ts'

/** Names that are no part of an expression or a statement, whatever stands in them. */
export const hostileNames: readonly string[] = [
  "'; DROP TABLE x; --",
  '"',
  '\\',
  ' ',
  '\u{1f511}',
  'constructor',
  'select',
  'a.b[0]',
  '$1',
  '%',
  '{a,b}',
]

/** Every operation on an empty table whose names come from outside, down to the end of a session. */
export async function expectEveryOperation(newStore: (options: SessionOptions) => SessionStore): Promise<void> {
  const clock = fakeClock()
  const store = newStore({ envelope, clock, ttlSeconds: 100 })
  await store.set('ada', { n: 1 })
  const loaded = await store.get<{ n: number }>('ada')
  loaded!.n = 2
  expect(await store.set('ada', loaded!)).toBe(true)
  clock.advanceSeconds(90)
  await store.touch('ada', loaded!)
  await store.set('eve', { n: 3 })
  clock.advanceSeconds(20)
  expect(await store.get('ada')).toEqual({ n: 2 })
  expect((await store.ids()).sort()).toEqual(['ada', 'eve'])
  await store.destroy('eve')
  expect(await store.length()).toBe(1)
  await store.clear()
  expect(await store.get('ada')).toBe(null)
}
