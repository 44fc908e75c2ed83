/** Concurrent reads: which statements they become, and who gets which row. */
import type { SessionRow, StopSignal } from '@waxseal/session'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { afterAll, describe, expect, inject, it, vi } from 'vitest'
import { PostgresSessionTable } from '../src/session/index.ts'
import { quotedName } from '../src/session/table-sql.ts'
import { databases, newTable } from './support/databases.ts'

const newSignal = (): { aborted: boolean; onabort: StopSignal['onabort'] } => ({ aborted: false, onabort: null })
const read = (table: PostgresSessionTable, keys: readonly string[]) =>
  Promise.all(keys.map((key) => table.get(key, newSignal())))

const rowOf = (key: string): SessionRow => ({
  key,
  record: Buffer.from(`record of ${key}`),
  expiresAt: 4_000_000_000_000,
  revision: 1,
  kid: 'k',
})

async function fill(table: PostgresSessionTable, keys: readonly string[]) {
  for (const key of keys) await table.insert(rowOf(key), 0, newSignal())
}

describe.each(databases)('concurrent reads by $database', ({ open }) => {
  it('give each its own row, and none where there is none, whatever the key', async () => {
    const db = await open()
    const table = new PostgresSessionTable(db, await newTable(db))
    const keys = [...Array.from({ length: 40 }, (_, i) => `key-${i}`), '"', "',{}", 'a,b', '["a"]', 'ö\u{1f512}\n']
    await fill(table, keys)
    const asked = ['none', ...keys, 'key-3', 'a', 'key-3']
    const rows = await read(table, asked)
    expect(rows.map((row) => row?.key)).toEqual(asked.map((key) => (keys.includes(key) ? key : undefined)))
    const ofOneKey = rows.filter((row) => row?.key === 'key-3') as SessionRow[]
    ofOneKey[0]!.record.fill(0)
    expect(ofOneKey.slice(1).map(({ record }) => Buffer.from(record).toString())).toEqual(
      Array(2).fill('record of key-3'),
    )
  })

  it('fail alone where a row is malformed', async () => {
    const db = await open()
    const name = await newTable(db)
    const table = new PostgresSessionTable(db, name)
    await fill(table, ['a', 'b'])
    await db.execute(sql.raw(`alter table ${quotedName(name)} alter column kid drop not null`))
    await db.execute(sql.raw(`update ${quotedName(name)} set kid = null where key = 'a'`))
    const outcomes = await Promise.allSettled(['a', 'b', 'none'].map((key) => table.get(key, newSignal())))
    expect(outcomes).toMatchObject([
      { reason: { code: 'ERR_WAXSEAL_RECORD_MALFORMED' } },
      { value: { key: 'b' } },
      { status: 'fulfilled' },
    ])
  })
})

describe('concurrent reads', () => {
  const pool = new pg.Pool({ connectionString: inject('postgres') })
  pool.on('error', () => {})
  afterAll(() => pool.end())
  const query = vi.spyOn(pool, 'query')
  const db = drizzle({ client: pool })

  it('are a statement for 25 of them, and one of its own for what is alone', async () => {
    const table = new PostgresSessionTable(db, await newTable(db))
    const keys = Array.from({ length: 51 }, (_, i) => `key-${i}`)
    await fill(table, keys)
    query.mockClear()
    expect((await read(table, keys)).map((row) => row?.key)).toEqual(keys)
    await read(table, ['key-0'])
    const parameters = query.mock.calls.map((call) => (call as unknown as [object, unknown[]])[1])
    expect(parameters).toEqual([
      [JSON.stringify(keys.slice(0, 25))],
      [JSON.stringify(keys.slice(25, 50))],
      ['key-50'],
      ['key-0'],
    ])
  })

  it('leave nobody waiting for the time-out of another', async () => {
    const name = await newTable(db)
    const table = new PostgresSessionTable(db, name)
    await fill(table, ['a', 'b'])
    const client = await pool.connect()
    await client.query(`begin; lock table ${quotedName(name)} in access exclusive mode`)
    const signal = newSignal()
    const [a, b] = [table.get('a', signal), table.get('b', newSignal())]
    await new Promise((resolve) => setTimeout(resolve, 50))
    signal.aborted = true
    signal.onabort?.()
    await expect(a).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await client.query('rollback')
    client.release()
    expect(await b).toMatchObject({ key: 'b' })
  })

  it('are everybody’s error when the statement fails', async () => {
    const name = await newTable(db)
    const table = new PostgresSessionTable(db, name)
    await pool.query(`drop table ${quotedName(name)}`)
    const outcomes = await Promise.allSettled(['a', 'b'].map((key) => table.get(key, newSignal())))
    expect(outcomes).toMatchObject(Array(2).fill({ reason: { code: 'ERR_WAXSEAL_TABLE_INVALID' } }))
  })
})
