/** What statements that run at the same moment do to one row; needs a server, PGlite runs one statement at a time. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { SessionRow } from '@waxseal/session'
import { describe, expect, it } from 'vitest'
import { PostgresSessionTable } from '../src/session/index.ts'
import { newTable, servers } from './support/databases.ts'

const now = Date.now()
const signal = { aborted: false, onabort: null }
const rounds = 100

const newRow = (change: Partial<SessionRow> = {}): SessionRow => ({
  key: randomUUID(),
  record: randomBytes(100),
  expiresAt: now + 60_000,
  revision: 1,
  kid: 'k',
  ...change,
})
const hex = (row: SessionRow | undefined) => row && Buffer.from(row.record).toString('hex')

describe.each(servers)('$database', ({ open }) => {
  async function twoTables() {
    const db = await open()
    const schema = await newTable(db)
    return [new PostgresSessionTable(db, schema), new PostgresSessionTable(db, schema)] as const
  }

  it('two updates of one revision: one is written, the other is shown that one', async () => {
    const [one, other] = await twoTables()
    for (let round = 0; round < rounds; round++) {
      const row = newRow()
      await one.insert(row, now, signal)
      const writes = [newRow({ key: row.key, revision: 2 }), newRow({ key: row.key, revision: 2 })] as const
      const outcomes = await Promise.all([
        one.update(writes[0], { revision: 1 }, now, signal),
        other.update(writes[1], { revision: 1 }, now, signal),
      ])
      const winner = outcomes.findIndex(({ written }) => written)
      expect(outcomes.filter(({ written }) => written)).toHaveLength(1)
      expect(hex(outcomes[1 - winner]?.current)).toBe(hex(writes[winner]))
      expect(hex(await one.get(row.key, signal))).toBe(hex(writes[winner]))
    }
  })

  it.each([
    ['no row', undefined],
    ['an expired row', newRow({ expiresAt: now - 1 })],
  ])('two inserts where there is %s: one is written, the other is shown that one', async (_, standing) => {
    const [one, other] = await twoTables()
    for (let round = 0; round < rounds; round++) {
      const key = randomUUID()
      if (standing !== undefined) await one.insert({ ...standing, key }, now - 1000, signal)
      const writes = [newRow({ key }), newRow({ key })] as const
      const outcomes = await Promise.all([one.insert(writes[0], now, signal), other.insert(writes[1], now, signal)])
      const winner = outcomes.findIndex(({ written }) => written)
      expect(outcomes.filter(({ written }) => written)).toHaveLength(1)
      expect(hex(outcomes[1 - winner]?.current)).toBe(hex(writes[winner]))
    }
  })

  it('a logout beside an update and a touch: no row is left, whoever comes first', async () => {
    const [one, other] = await twoTables()
    for (let round = 0; round < rounds; round++) {
      const row = newRow()
      await one.insert(row, now, signal)
      await Promise.all([
        one.update(newRow({ key: row.key, revision: 2 }), { revision: 1 }, now, signal),
        one.extend(row.key, now + 120_000, row, now, signal),
        other.delete(row.key, signal),
      ])
      expect(await one.get(row.key, signal)).toBe(undefined)
    }
  })

  it('a touch beside an update takes nothing back', async () => {
    const [one, other] = await twoTables()
    for (let round = 0; round < rounds; round++) {
      const row = newRow()
      await one.insert(row, now, signal)
      const next = newRow({ key: row.key, revision: 2, expiresAt: now + 90_000 })
      const [update] = await Promise.all([
        one.update(next, { revision: 1 }, now, signal),
        other.extend(row.key, now + 80_000, row, now, signal),
      ])
      expect(update.written).toBe(true)
      expect(await one.get(row.key, signal)).toMatchObject({ revision: 2, expiresAt: now + 90_000 })
    }
  })
})
