/** A touch beside another request's write: it goes by the life that the session has by then. */
import { expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

type Session = Record<string, unknown>

const HOUR = 3_600_000
const WEEK = 168 * HOUR
const lasting = (milliseconds: number) => ({ originalMaxAge: milliseconds, expires: null })

/** Two processes, and a session of which the first has an object that is due for a touch. */
async function race() {
  const one = setUp()
  const two = setUp({ clock: one.clock }, one.table)
  await one.store.set('id', { user: 'ada', cookie: lasting(WEEK) })
  one.clock.advanceSeconds(7200)
  const slow = (await one.store.get<Session>('id'))!
  slow.cookie = lasting(WEEK)
  const quick = (await two.store.get<Session>('id'))!
  return { ...one, two: two.store, slow, quick }
}

it.each(['touch', 'set'] as const)('the shorter life that another request stored is not undone by %s', async (call) => {
  const { clock, store, two, slow, quick, rowOf } = await race()
  await two.set('id', Object.assign(quick, { cookie: lasting(60_000) }))
  await store[call]('id', slow)
  expect((await rowOf('id')).expiresAt).toBe(clock.now() + 60_000)
})

it('nor is a session prolonged that was made anew under the id', async () => {
  const { clock, store, slow, rowOf } = await race()
  await store.destroy('id')
  await store.set('id', { cookie: lasting(60_000) })
  await store.touch('id', slow)
  expect((await rowOf('id')).expiresAt).toBe(clock.now() + 60_000)
})

it('an object that another request’s save has left behind still keeps the session alive', async () => {
  const { clock, store, table, two, slow, quick, rowOf } = await race()
  await two.set('id', Object.assign(quick, { cookie: lasting(WEEK), cart: [1] }))
  for (const touch of [1, 2, 3]) {
    clock.advanceSeconds(7200)
    slow.cookie = lasting(WEEK)
    await store.touch('id', slow)
    expect((await rowOf('id')).expiresAt, `touch ${touch}`).toBe(clock.now() + WEEK)
  }
  expect(await store.get('id')).toMatchObject({ user: 'ada', cart: [1] })
  table.calls.length = 0
  await store.touch('id', slow)
  expect(table.calls).toEqual([])
})
