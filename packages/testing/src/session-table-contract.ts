import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { sessionTableUserCases } from './session-table-user-cases.ts'
import { newRow, type Row, type Signal, type TableUnderTest } from './table-under-test.ts'
import type { TestRunner } from './test-runner.ts'

/**
 * Registers the cases that every session table must pass.
 *
 * @param runner what registers a case
 * @param create makes an empty table; called once per case
 * @example
 * sessionTableContract({ describe, it }, () => new MemoryTable())
 */
export function sessionTableContract(
  { describe, it }: TestRunner,
  create: () => TableUnderTest | Promise<TableUnderTest>,
): void {
  const now = Date.now()
  const hour = 3_600_000
  const signal: Signal = { aborted: false, onabort: null }

  const plain = (row: Row | undefined) => row && { ...row, record: Buffer.from(row.record).toString('hex') }
  const assertRow = (actual: Row | undefined, expected: Row | undefined) =>
    assert.deepEqual(plain(actual), plain(expected))
  const rowsOf = async (table: TableUnderTest, part?: { index: number; count: number }) => {
    const rows: Row[] = []
    let page: unknown
    do {
      const { rows: some, next } = await table.list(page, signal, part)
      rows.push(...some)
      page = next
    } while (page !== undefined)
    return rows
  }

  describe('session table', () => {
    it('gives undefined for a key that it does not hold', async () => {
      const table = await create()
      assert.equal(await table.get('nobody', signal), undefined)
    })

    it('gives back what was inserted, byte for byte and to the millisecond', async () => {
      const table = await create()
      const row = newRow({ expiresAt: now + 12_345, record: Buffer.from([...Array(256).keys()]) })
      assert.equal((await table.insert(row, now, signal)).written, true)
      assertRow(await table.get(row.key, signal), row)
    })

    it('gives back an expired row: what expiry means is not the table’s business', async () => {
      const table = await create()
      const row = newRow({ expiresAt: now - hour })
      await table.insert(row, now - 2 * hour, signal)
      assertRow(await table.get(row.key, signal), row)
    })

    it('does not insert over a live row, and names it', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      const outcome = await table.insert(newRow({ key: row.key }), now, signal)
      assert.equal(outcome.written, false)
      assertRow(outcome.current, row)
      assertRow(await table.get(row.key, signal), row)
    })

    it('inserts over an expired row', async () => {
      const table = await create()
      const old = newRow({ expiresAt: now })
      await table.insert(old, now - hour, signal)
      const row = newRow({ key: old.key })
      assert.equal((await table.insert(row, now, signal)).written, true)
      assertRow(await table.get(row.key, signal), row)
    })

    it('lets one of many concurrent inserts through', async () => {
      const table = await create()
      const { key } = newRow()
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => table.insert(newRow({ key }), now, signal)))
      assert.equal(outcomes.filter(({ written }) => written).length, 1)
    })

    it('updates at the expected revision', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      const next = newRow({ key: row.key, revision: 2, expiresAt: now + 2 * hour, kid: 'other-key' })
      assert.equal((await table.update(next, { revision: 1 }, now, signal)).written, true)
      assertRow(await table.get(row.key, signal), next)
    })

    it('does not update at another revision, and names the row that stands', async () => {
      const table = await create()
      const row = newRow({ revision: 7 })
      await table.insert(row, now, signal)
      const outcome = await table.update(newRow({ key: row.key, revision: 7 }), { revision: 6 }, now, signal)
      assert.equal(outcome.written, false)
      assertRow(outcome.current, row)
      assertRow(await table.get(row.key, signal), row)
    })

    it('lets one of many concurrent updates of a revision through', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () =>
          table.update(newRow({ key: row.key, revision: 2 }), { revision: 1 }, now, signal),
        ),
      )
      assert.equal(outcomes.filter(({ written }) => written).length, 1)
    })

    it('does not update a row that is gone: a logout is final', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      await table.delete(row.key, signal)
      const outcome = await table.update(newRow({ key: row.key, revision: 2 }), { revision: 1 }, now, signal)
      assert.equal(outcome.written, false)
      assert.equal(outcome.current, undefined)
      assert.equal(await table.get(row.key, signal), undefined)
    })

    it('does not update an expired row', async () => {
      const table = await create()
      const row = newRow({ expiresAt: now })
      await table.insert(row, now - hour, signal)
      const outcome = await table.update(newRow({ key: row.key, revision: 2 }), { revision: 1 }, now, signal)
      assert.equal(outcome.written, false)
      assertRow(await table.get(row.key, signal), row)
    })

    it('extends a live row, leaving record and revision alone', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      assert.equal(await table.extend(row.key, now + 2 * hour, row, now, signal), true)
      assertRow(await table.get(row.key, signal), { ...row, expiresAt: now + 2 * hour })
      assert.equal(
        (await table.update(newRow({ key: row.key, revision: 2 }), { revision: 1 }, now, signal)).written,
        true,
      )
    })

    it('extends forward only', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      assert.equal(await table.extend(row.key, row.expiresAt - 1, row, now, signal), false)
      assertRow(await table.get(row.key, signal), row)
    })

    it('extends only the row that it goes over', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      assert.equal(await table.extend(row.key, now + 2 * hour, { revision: 2 }, now, signal), false)
      assertRow(await table.get(row.key, signal), row)
    })

    it('does not extend an expired row', async () => {
      const table = await create()
      const row = newRow({ expiresAt: now })
      await table.insert(row, now - hour, signal)
      assert.equal(await table.extend(row.key, now + hour, row, now, signal), false)
      assertRow(await table.get(row.key, signal), row)
    })

    it('does not create a row by extending it', async () => {
      const table = await create()
      assert.equal(await table.extend('nobody', now + hour, { revision: 1 }, now, signal), false)
      assert.equal(await table.get('nobody', signal), undefined)
      assert.deepEqual(await rowsOf(table), [])
    })

    it('deletes, also what is not there', async () => {
      const table = await create()
      const row = newRow()
      await table.insert(row, now, signal)
      await table.delete(row.key, signal)
      await table.delete(row.key, signal)
      assert.equal(await table.get(row.key, signal), undefined)
    })

    it('lists every row in exactly one of the parts that it is read in', async () => {
      const table = await create()
      const keys = Array.from({ length: 30 }, () => newRow().key)
      await Promise.all(keys.map((key) => table.insert(newRow({ key }), now, signal)))
      for (const count of [1, 2, 7]) {
        const parts = await Promise.all(Array.from({ length: count }, (_, index) => rowsOf(table, { index, count })))
        const listed = parts.flat().map(({ key }) => key)
        assert.deepEqual(listed.sort(), [...keys].sort())
      }
    })

    it('lists every row once, over as many pages as it takes, and deletes many', async () => {
      const table = await create()
      // 1.5 MB in all, so that DynamoDB needs more than one page (1 MB) and more than two batches (25).
      const rows = Array.from({ length: 60 }, () => newRow({ record: randomBytes(25_000) }))
      await Promise.all(rows.map((row) => table.insert(row, now, signal)))
      const listed = await rowsOf(table)
      assert.deepEqual(new Set(listed.map(({ key }) => key)), new Set(rows.map(({ key }) => key)))
      assert.equal(listed.length, rows.length)
      const keep = rows.slice(0, 3)
      const goner = rows.slice(3).map(({ key }) => key)
      await table.deleteMany(goner, signal)
      assert.deepEqual(new Set((await rowsOf(table)).map(({ key }) => key)), new Set(keep.map(({ key }) => key)))
    })

    sessionTableUserCases(it, create)
  })
}
