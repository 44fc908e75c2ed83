import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { newRow, type Row, type Signal, type TableUnderTest } from './table-under-test.ts'
import type { TestRunner } from './test-runner.ts'

const signal: Signal = { aborted: false, onabort: null }

/** The cases of `sessionTableContract` that concern the rows of one user. */
export function sessionTableUserCases(
  it: TestRunner['it'],
  create: () => TableUnderTest | Promise<TableUnderTest>,
): void {
  const now = Date.now()
  const hour = 3_600_000

  const newTag = () => randomBytes(32).toString('base64url')
  const rowOf = (userTag: string | undefined, change: Partial<Row> = {}) =>
    newRow({ ...(userTag !== undefined && { userTag, absoluteExpiresAt: now + 24 * hour }), ...change })
  const insertAll = async (table: TableUnderTest, rows: readonly Row[]) => {
    for (const row of rows) assert.equal((await table.insert(row, now, signal)).written, true)
    return rows.map(({ key }) => key)
  }
  const keysUnder = async (table: TableUnderTest, userTag: string) => {
    const keys: string[] = []
    let page: unknown
    do {
      const { rows, next } = await table.listUser(userTag, page, signal)
      keys.push(...rows.map(({ key }) => key))
      page = next
    } while (page !== undefined)
    assert.equal(new Set(keys).size, keys.length, 'a row is listed twice')
    return keys.sort()
  }

  it('gives back the tag of the user, and none where there was none', async () => {
    const table = await create()
    const [tagged, untagged] = [rowOf(newTag()), rowOf(undefined)]
    await insertAll(table, [tagged, untagged])
    await table.extend(tagged.key, now + 2 * hour, tagged, now, signal)
    assert.equal((await table.get(tagged.key, signal))?.userTag, tagged.userTag)
    assert.equal((await table.get(untagged.key, signal))?.userTag, undefined)
  })

  it('lists the rows of one user, expired ones too, and nobody else’s, over as many pages as it takes', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    const rows = Array.from({ length: 130 }, () => rowOf(tag))
    const old = rowOf(tag, { expiresAt: now - hour })
    await Promise.all(rows.map((row) => table.insert(row, now, signal)))
    await table.insert(old, now - 2 * hour, signal)
    const others = await insertAll(table, [rowOf(other), rowOf(other)])
    await insertAll(table, [rowOf(undefined)])
    assert.deepEqual(await keysUnder(table, tag), [...rows, old].map(({ key }) => key).sort())
    assert.deepEqual(await keysUnder(table, other), others.sort())
    assert.deepEqual(await keysUnder(table, newTag()), [])
  })

  it('lists a row under the user of its last writing alone', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    const row = rowOf(undefined)
    await insertAll(table, [row])
    const writings = [tag, other, undefined, tag, tag]
    for (const [index, userTag] of writings.entries()) {
      const over = { revision: index + 1, userTag: writings[index - 1] }
      const next = rowOf(userTag, { key: row.key, revision: index + 2 })
      assert.equal((await table.update(next, over, now, signal)).written, true)
      assert.deepEqual(await keysUnder(table, tag), userTag === tag ? [row.key] : [])
      assert.deepEqual(await keysUnder(table, other), userTag === other ? [row.key] : [])
    }
  })

  it('lists a row that was inserted over an expired one, and no row that is gone', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    const old = rowOf(other, { expiresAt: now })
    await table.insert(old, now - hour, signal)
    await insertAll(table, [rowOf(tag, { key: old.key })])
    assert.deepEqual(await keysUnder(table, tag), [old.key])
    assert.deepEqual(await keysUnder(table, other), [])
    await table.delete(old.key, signal)
    assert.deepEqual(await keysUnder(table, tag), [])
  })

  it('removes all rows of one user, and counts those that were alive', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    await insertAll(table, [rowOf(tag), rowOf(tag), rowOf(tag)])
    await table.insert(rowOf(tag, { expiresAt: now }), now - hour, signal)
    const others = await insertAll(table, [rowOf(other), rowOf(undefined)])
    assert.equal(await table.deleteUser(tag, { except: [] }, now, signal), 3)
    assert.deepEqual(await keysUnder(table, tag), [])
    assert.deepEqual(new Set((await table.list(undefined, signal)).rows.map(({ key }) => key)), new Set(others))
    assert.equal(await table.deleteUser(tag, { except: [] }, now, signal), 0)
  })

  it('removes all rows of one user but some, or some alone', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    const [a, b, c, d] = [rowOf(tag), rowOf(tag), rowOf(tag), rowOf(other)] as const
    await insertAll(table, [a, b, c, d])
    assert.equal(await table.deleteUser(tag, { only: [a.key, d.key] }, now, signal), 1)
    assert.deepEqual(await keysUnder(table, tag), [b.key, c.key].sort())
    assert.equal(await table.deleteUser(tag, { except: [b.key, 'nobody'] }, now, signal), 1)
    assert.deepEqual(await keysUnder(table, tag), [b.key])
    assert.deepEqual(await keysUnder(table, other), [d.key])
  })

  it('does not remove a row that has become another user’s', async () => {
    const table = await create()
    const [tag, other] = [newTag(), newTag()]
    const row = rowOf(tag)
    await insertAll(table, [row])
    await table.update(rowOf(other, { key: row.key, revision: 2 }), { revision: 1, userTag: tag }, now, signal)
    assert.equal(await table.deleteUser(tag, { except: [] }, now, signal), 0)
    assert.deepEqual(await keysUnder(table, other), [row.key])
  })

  it('leaves rows of another kind alone, also where they carry the tag', async () => {
    const table = await create()
    const tag = newTag()
    await insertAll(table, [rowOf(tag, { key: '#of-another-kind' })])
    assert.deepEqual(await keysUnder(table, tag), [])
    assert.equal(await table.deleteUser(tag, { except: [] }, now, signal), 0)
    assert.notEqual(await table.get('#of-another-kind', signal), undefined)
    assert.deepEqual((await table.list(undefined, signal)).rows, [])
  })

  it('hides no row that was written while the user’s rows were removed', async () => {
    const table = await create()
    const tag = newTag()
    const rows = Array.from({ length: 60 }, () => rowOf(tag))
    const writes = rows.map(async (row, index) => {
      // Some at once, some later, while the removals are under way.
      if (index > 20) await table.get(row.key, signal)
      if (index > 40) await table.get(row.key, signal)
      return table.insert(row, now, signal)
    })
    const removals = Array.from({ length: 5 }, () => table.deleteUser(tag, { except: [] }, now, signal))
    const [outcomes] = await Promise.all([Promise.all(writes), Promise.all(removals)])
    const listed = await keysUnder(table, tag)
    for (const [index, { key }] of rows.entries()) {
      const isThere = (await table.get(key, signal)) !== undefined
      assert.equal(listed.includes(key), isThere, 'a row is in the table, but not listed')
      if (!outcomes[index]?.written) assert.equal(isThere, false, 'a write was refused, but its row is there')
    }
    await table.deleteUser(tag, { except: [] }, now, signal)
    for (const { key } of rows) assert.equal(await table.get(key, signal), undefined)
  })
}
