/** Which durations a store takes, and which its constructor refuses. */
import type { Envelope } from '@waxseal/core'
import { describe, expect, it } from 'vitest'
import { MemoryTable, SessionStore, type Version1Table } from '../src/index.ts'
import { envelope, setUp } from './support/stores.ts'

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

describe('version 1', () => {
  class Table extends MemoryTable {
    readonly version1 = {} as Version1Table
  }
  const storeWith = (version1: unknown, table: MemoryTable = new Table(), used: Envelope = envelope) =>
    new SessionStore(table, { envelope: used, version1: version1 as never })
  const refusal = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringMatching(message) })

  it.each([
    [{}],
    [null],
    [true],
    [{ write: false }],
    [{ write: 1, acceptUntil: new Date() }],
    [{ write: false, acceptUntil: new Date() }],
  ])('%o: either a date or write', (version1) => {
    expect(() => storeWith(version1)).toThrow(refusal(/version1 must be/))
  })

  it.each([[new Date(Number.NaN)], ['2030-01-01'], [1_900_000_000_000], [null]])('%o is no date', (acceptUntil) => {
    expect(() => storeWith({ acceptUntil })).toThrow(refusal(/acceptUntil/))
    expect(() => storeWith({ write: true, acceptUntil })).toThrow(refusal(/acceptUntil/))
  })

  it('needs an envelope and a table that can hold it', () => {
    const version1 = { acceptUntil: new Date() }
    const without = Object.assign(Object.create(envelope), { openVersion1: undefined })
    expect(() => storeWith(version1, undefined, without)).toThrow(refusal(/envelope/))
    expect(() => storeWith(version1, new MemoryTable())).toThrow(refusal(/DynamoDB/))
  })

  it('is taken with a date, with write, and with both; a date that has passed is one', () => {
    for (const version1 of [{ acceptUntil: new Date(0) }, { write: true }, { write: true, acceptUntil: new Date() }]) {
      expect(() => storeWith(version1)).not.toThrow()
    }
  })
})
