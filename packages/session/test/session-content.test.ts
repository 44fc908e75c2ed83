/** What a session may hold, and how large it may be. */
import { describe, expect, it } from 'vitest'
import { ObservedTable, setUp } from './support/stores.ts'

class LimitedTable extends ObservedTable {
  override readonly maxRecordBytes: number

  constructor(limit: number) {
    super()
    this.maxRecordBytes = limit
  }
}

describe('set refuses', () => {
  it.each([
    ['an array', []],
    ['a toJSON that gives nothing', { toJSON: () => undefined }],
    ['a cookie that is a function', { cookie: () => 1 }],
  ])('%s as invalid', async (_, session) => {
    const { store, table } = setUp()
    await expect(store.set('id', session)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_SESSION_INVALID' })
    expect(table.calls).toEqual([])
  })

  it('a cookie of 2 MB as too large', async () => {
    const { store, table } = setUp()
    const session = { cookie: { path: '/'.repeat(2_000_000) } }
    await expect(store.set('id', session)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_SESSION_TOO_LARGE' })
    expect(table.calls).toEqual([])
  })

  it('a record of one byte more than a row holds; the limit itself fits', async () => {
    const session = { data: 'x'.repeat(1000) }
    const { store, rowOf } = setUp()
    await store.set('id', session)
    const { length } = (await rowOf('id')).record
    const limitedTo = (bytes: number) => setUp({}, new LimitedTable(bytes)).store
    expect(await limitedTo(length).set('id', { ...session })).toBe(true)
    await expect(limitedTo(length - 1).set('id', { ...session })).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
    })
  })
})
