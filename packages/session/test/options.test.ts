/** Which durations a store takes, and which its constructor refuses. */
import { describe, expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

describe('durations', () => {
  it.each([
    ['ttlSeconds', 0],
    ['ttlSeconds', Number.NaN],
    ['ttlSeconds', Number.POSITIVE_INFINITY],
    ['ttlSeconds', Number.MAX_SAFE_INTEGER],
    ['maxLifetimeSeconds', -1],
    ['maxLifetimeSeconds', 1e14],
    ['maxLifetimeSeconds', Number.MAX_SAFE_INTEGER],
    ['touchAfterSeconds', -1],
    ['timeoutMilliseconds', 0],
    ['timeoutMilliseconds', 2 ** 31],
    ['timeoutMilliseconds', 1e12],
  ])('%s %d is refused', (name, value) => {
    const refusal = { code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringContaining(name) }
    expect(() => setUp({ [name]: value })).toThrow(expect.objectContaining(refusal))
  })

  it.each([
    ['ttlSeconds', 0.5],
    ['maxLifetimeSeconds', 3_155_760_000],
    ['touchAfterSeconds', 0],
    ['timeoutMilliseconds', 2 ** 31 - 1],
  ])('%s %d is taken, and sessions are stored and read', async (name, value) => {
    const { store } = setUp({ [name]: value })
    await store.set('id', { user: 'ada' })
    expect(await store.get('id')).toEqual({ user: 'ada' })
  })

  it.each(['ttlSeconds', 'maxLifetimeSeconds'])('a fractional %s ends at a whole millisecond', async (name) => {
    const { clock, store, rowOf } = setUp({ [name]: 86_400 / 7 })
    await store.set('id', {})
    expect((await rowOf('id')).expiresAt).toBe(clock.now() + 12_342_857)
  })
})
