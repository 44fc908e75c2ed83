/** What else can stand in the table, and what a driver, a cache or a hostile writer can make of a row. */
import { randomUUID } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { Cache } from 'drizzle-orm/cache/core'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { type PostgresDatabase, PostgresSessionTable } from '../src/session/index.ts'
import { databases, newTable, openNodePostgres, openPostgresJs } from './support/databases.ts'

const signal = { aborted: false, onabort: null }
const row = { key: 'key', record: Buffer.from('record'), expiresAt: 1_999_999_999_999, revision: 1, kid: 'k' }

describe.each(databases)('$database', ({ open }) => {
  // To start PGlite may take longer than a case.
  beforeAll(() => open())

  async function setUp() {
    const db = await open()
    const schema = await newTable(db)
    const table = new PostgresSessionTable(db, schema)
    const alter = (change: SQL) => db.execute(sql`update ${schema} set ${change} where key = 'key'`)
    return { db, schema, table, alter }
  }

  it.each([
    ['a negative expiry', sql`expires_at = -1`],
    ['an expiry that no number holds', sql`expires_at = 9223372036854775807`],
    ['a negative revision', sql`revision = -1`],
    ['a revision that no number holds', sql`revision = 9223372036854775807`],
  ])('refuses a row with %s as malformed, also where it stands in the way, and lists it not', async (_, change) => {
    const { table, alter } = await setUp()
    await table.insert(row, 0, signal)
    await alter(change)
    const malformed = expect.objectContaining({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
    await expect(table.get('key', signal)).rejects.toEqual(malformed)
    await expect(table.update({ ...row, revision: 6 }, { revision: 5 }, 0, signal)).rejects.toEqual(malformed)
    expect(await table.list(undefined, signal)).toEqual({ rows: [], next: undefined })
  })

  it('refuses rows of a table whose columns are of other types', async () => {
    const { db, schema, table } = await setUp()
    await db.execute(sql`alter table ${schema} alter column record type text using 'text'`)
    await db.execute(sql`insert into ${schema} values ('key', 'record', 1, 1, 'k')`)
    await expect(table.get('key', signal)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
  })

  it('leaves rows of another kind out of listings and of pruning', async () => {
    const { table } = await setUp()
    for (const key of ['#waxseal/user/x', '#', 'a#', 'key'])
      await table.insert({ ...row, key, expiresAt: 5 }, 0, signal)
    expect((await table.list(undefined, signal)).rows.map(({ key }) => key).sort()).toEqual(['a#', 'key'])
    expect(await table.deleteExpired(10, signal)).toBe(2)
    expect(await table.get('#', signal)).toMatchObject({ key: '#' })
  })

  it('takes any text as a key, and none of it as SQL', async () => {
    const { table } = await setUp()
    const keys = [
      "'; drop table x; --",
      '"',
      '$1',
      '\\',
      '%',
      '_',
      'ключ',
      '🔑',
      'x'.repeat(2000),
      '{a,b}',
      ' ',
      '\n',
      ':now',
    ]
    for (const key of keys) expect(await table.insert({ ...row, key }, 0, signal)).toEqual({ written: true })
    for (const key of keys) expect(await table.get(key, signal)).toMatchObject({ key })
    expect((await table.list(undefined, signal)).rows.map(({ key }) => key).sort()).toEqual([...keys].sort())
    await table.deleteMany(keys, signal)
    expect((await table.list(undefined, signal)).rows).toEqual([])
  })

  it('pages through keys that a language orders otherwise than their bytes', async () => {
    const { table } = await setUp()
    const keys = Array.from(
      { length: 350 },
      (_, index) => `${'aB-_zZ09'[index % 8]}${'-_aA'[index % 4]}${randomUUID()}`,
    )
    await Promise.all(keys.map((key) => table.insert({ ...row, key }, 0, signal)))
    const listed: string[] = []
    let page: unknown
    do {
      const { rows, next } = await table.list(page, signal)
      listed.push(...rows.map(({ key }) => key))
      page = next
    } while (page !== undefined)
    expect(listed.sort()).toEqual(keys.sort())
  })

  it('removes more keys than one statement takes', async () => {
    const { db, schema, table } = await setUp()
    const keys = Array.from({ length: 1100 }, () => randomUUID())
    await db.insert(schema).values([...keys, 'stays'].map((key) => ({ ...row, key })))
    await table.deleteMany(keys, signal)
    expect((await table.list(undefined, signal)).rows.map(({ key }) => key)).toEqual(['stays'])
  })

  it('holds the largest record and the largest numbers', async () => {
    const { table } = await setUp()
    const largest = {
      key: 'k'.repeat(43),
      record: new Uint8Array(table.maxRecordBytes).fill(255),
      expiresAt: Number.MAX_SAFE_INTEGER,
      revision: Number.MAX_SAFE_INTEGER,
      kid: 'k'.repeat(64),
    }
    expect(await table.insert(largest, 0, signal)).toEqual({ written: true })
    const found = await table.get(largest.key, signal)
    expect({ ...found, record: undefined }).toEqual({ ...largest, record: undefined })
    expect(Buffer.compare(found!.record, largest.record)).toBe(0)
  })
})

describe('what the app set up for its own queries', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  async function roundTrip(db: PostgresDatabase) {
    const table = new PostgresSessionTable(db, await newTable(db))
    expect(await table.insert(row, 0, signal)).toEqual({ written: true })
    expect(await table.get('key', signal)).toEqual(row)
    expect(await table.extend('key', row.expiresAt + 1, row, 0, signal)).toBe(true)
    expect(await table.get('key', signal)).toEqual({ ...row, expiresAt: row.expiresAt + 1 })
    expect((await table.list(undefined, signal)).rows).toHaveLength(1)
    expect(await table.deleteExpired(10, signal)).toBe(0)
  }

  it.each([
    ['another date style', { DateStyle: 'German, DMY', TimeZone: 'Asia/Kathmandu' }],
    ['another text form of bytes', { bytea_output: 'escape' }],
  ])('%s', async (_, settings) => {
    const { db, close } = openNodePostgres(inject('postgres'), settings)
    closing.push(close)
    await roundTrip(db)
  })

  it.each([
    ['bigints as BigInt', BigInt],
    ['bigints as numbers', Number],
  ])('%s', async (_, parser) => {
    const pool = new pg.Pool({ connectionString: inject('postgres') })
    closing.push(() => pool.end())
    const before = pg.types.getTypeParser(20)
    pg.types.setTypeParser(20, parser as never)
    await roundTrip(drizzle({ client: pool }))
    pg.types.setTypeParser(20, before)
  })

  it('a cache of Drizzle’s answers for no session', async () => {
    const kept = new Map<string, unknown[]>()
    class Everything extends Cache {
      strategy() {
        return 'all' as const
      }
      async get(key: string) {
        return kept.get(key)
      }
      async put(key: string, response: unknown[]) {
        kept.set(key, response)
      }
      async onMutate() {}
    }
    const pool = new pg.Pool({ connectionString: inject('postgres') })
    closing.push(() => pool.end())
    const db = drizzle({ client: pool, cache: new Everything() })
    await roundTrip(db)
    const schema = await newTable(db)
    await db.select().from(schema)
    expect(kept.size, 'the cache is in use, or this proves nothing').toBe(1)
  })

  it.each([
    ['node-postgres', () => openNodePostgres(inject('postgres'), {}, { max: 1 })],
    ['postgres.js', () => openPostgresJs(inject('postgres'), { max: 1 })],
  ])('no statement is prepared on the server by %s: a pooler in transaction mode would lose it', async (_, open) => {
    const { db, close } = open()
    closing.push(close)
    await roundTrip(db)
    // postgres.js prepares a question of its own about types.
    const ours = sql`select statement from pg_prepared_statements where statement like '%sessions_%'`
    const result = (await db.execute(ours)) as unknown as { rows?: unknown[] }
    expect([...(result.rows ?? (result as unknown[]))]).toEqual([])
  })
})
