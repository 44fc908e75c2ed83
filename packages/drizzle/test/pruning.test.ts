/** Expired rows: which go, in what portions, and when nobody asks. */
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { fakeClock } from '@waxseal/testing'
import { getTableName, sql } from 'drizzle-orm'
import pg from 'pg'
import { describe, expect, inject, it, vi } from 'vitest'
import {
  type PgSessionTable,
  type PostgresDatabase,
  PostgresSessionStore,
  PostgresSessionTable,
  pgSessionTable,
} from '../src/session/index.ts'
import { databases, newTable, servers } from './support/databases.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
const signal = { aborted: false, onabort: null }

async function fill(db: PostgresDatabase, table: PgSessionTable, count: number, expiresAt: number) {
  const rows = Array.from({ length: count }, (_, index) => {
    return { key: randomUUID(), record: randomBytes(8), expiresAt: expiresAt + index, revision: 1, kid: 'k' }
  })
  await db.insert(table).values(rows)
  return rows
}

describe.each(databases)('on $database', ({ open }) => {
  async function setUp() {
    const db = await open()
    const table = await newTable(db)
    const keys = async () => new Set((await db.select({ key: table.key }).from(table)).map(({ key }) => key))
    return { db, table, keys }
  }

  it('what has expired goes, in portions, the oldest first; what lives stays', async () => {
    const { db, table, keys } = await setUp()
    const expired = await fill(db, table, 30, Date.now() - 3_600_000)
    const alive = await fill(db, table, 5, Date.now() + 3_600_000)
    const sessions = new PostgresSessionTable(db, table)
    expect(await sessions.deleteExpired(10, signal)).toBe(10)
    expect(await keys()).toEqual(new Set([...expired.slice(10), ...alive].map(({ key }) => key)))
    expect(await sessions.deleteExpired(100, signal)).toBe(20)
    expect(await sessions.deleteExpired(100, signal)).toBe(0)
    expect(await keys()).toEqual(new Set(alive.map(({ key }) => key)))
  })

  it('prune() removes any number of them', async () => {
    const { db, table, keys } = await setUp()
    await fill(db, table, 1200, Date.now() - 3_600_000)
    const alive = await fill(db, table, 5, Date.now() + 3_600_000)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0 })
    expect(await store.prune()).toBe(1200)
    expect(await keys()).toEqual(new Set(alive.map(({ key }) => key)))
  })

  it('by the database’s clock: a server whose own runs a year ahead signs out nobody', async () => {
    const { db, table } = await setUp()
    const ahead = fakeClock(Date.now() + 31_536_000_000)
    await fill(db, table, 3, Date.now() + 3_600_000)
    const store = new PostgresSessionStore({ db, table, envelope, clock: ahead, pruneIntervalSeconds: 0 })
    expect(await store.prune()).toBe(0)
  })

  it('happens by itself, at random times, until the store is disposed of', async () => {
    const { db, table, keys } = await setUp()
    await fill(db, table, 3, Date.now() - 3_600_000)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0.05 })
    await vi.waitFor(async () => expect(await keys()).toEqual(new Set()), { timeout: 5000 })
    await fill(db, table, 3, Date.now() - 3_600_000)
    await vi.waitFor(async () => expect(await keys()).toEqual(new Set()), { timeout: 5000 })
    await store.dispose()
    await fill(db, table, 3, Date.now() - 3_600_000)
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect((await keys()).size).toBe(3)
    // The database is the caller's, and still open.
    expect(await store.length()).toBe(0)
  })

  it('dispose() ends it between two portions, and waits for the one under way', async () => {
    const { db, table, keys } = await setUp()
    await fill(db, table, 2300, Date.now() - 3_600_000)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0.001 })
    await vi.waitFor(async () => expect((await keys()).size).toBeLessThan(2300), { timeout: 5000, interval: 2 })
    await store.dispose()
    const left = (await keys()).size
    expect(left).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await keys()).size).toBe(left)
  })

  it('a failure is an event, also on the channel, and the next time comes', async () => {
    const db = await open()
    const table = pgSessionTable(`sessions_${randomUUID()}`)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0.05 })
    const events: unknown[] = []
    const published: unknown[] = []
    const listen = (event: unknown) => published.push(event)
    store.on('failed', (event) => events.push(event))
    subscribe('waxseal:session', listen)
    await vi.waitFor(() => expect(events.length).toBeGreaterThan(1), { timeout: 5000 })
    unsubscribe('waxseal:session', listen)
    await store.dispose()
    const failed = { type: 'failed', level: 'warn', operation: 'prune', code: 'ERR_WAXSEAL_TABLE_INVALID' }
    expect(events[0]).toEqual(failed)
    expect(published[0]).toEqual(failed)
  })
})

describe.each(servers)('on $database, beside other processes', ({ open }) => {
  it('what another is holding is passed over, not waited for', async () => {
    const db = await open()
    const table = await newTable(db)
    const [first] = await fill(db, table, 20, Date.now() - 3_600_000)
    const client = new pg.Client({ connectionString: inject('postgres') })
    await client.connect()
    const name = `"${getTableName(table)}"`
    await client.query('begin')
    await client.query(`select from ${name} where key = $1 for update`, [first!.key])
    const sessions = new PostgresSessionTable(db, table)
    expect(await sessions.deleteExpired(100, signal)).toBe(19)
    await client.query('rollback')
    await client.end()
    expect(await sessions.deleteExpired(100, signal)).toBe(1)
  })

  it('a session that is put off at the same moment stays', async () => {
    const db = await open()
    const table = await newTable(db)
    const sessions = new PostgresSessionTable(db, table)
    for (let round = 0; round < 30; round++) {
      const [row] = await fill(db, table, 1, Date.now() - 1000)
      // By a server whose clock is behind it is alive still.
      const before = Date.now() - 10_000
      const [moved] = await Promise.all([
        sessions.extend(row!.key, Date.now() + 60_000, row!, before, signal),
        sessions.deleteExpired(10, signal),
      ])
      expect((await sessions.get(row!.key, signal)) !== undefined).toBe(moved)
    }
  })

  it('many at once share the work', async () => {
    const db = await open()
    const table = await newTable(db)
    await fill(db, table, 400, Date.now() - 3_600_000)
    const sessions = new PostgresSessionTable(db, table)
    const removed = await Promise.all(Array.from({ length: 5 }, () => sessions.deleteExpired(100, signal)))
    expect(removed.every((count) => count <= 100)).toBe(true)
    let total = removed.reduce((sum, count) => sum + count, 0)
    for (let more = 1; more > 0; total += more) more = await sessions.deleteExpired(100, signal)
    expect(total).toBe(400)
  })

  it('goes by the index on expiry', async () => {
    const db = await open()
    const table = await newTable(db)
    await fill(db, table, 2000, Date.now() + 3_600_000)
    await db.execute(sql`analyze ${table}`)
    const plan = await db.execute(sql`explain select key from ${table}
      where expires_at <= floor(extract(epoch from now()) * 1000)::bigint order by expires_at limit 500`)
    expect(JSON.stringify(plan)).toContain('_expires_at_idx')
  })
})

it('the timer keeps no process alive', async () => {
  const script = `
    import { PostgresSessionStore } from '@waxseal/drizzle/session'
    import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
    import { drizzle } from 'drizzle-orm/node-postgres'
    const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    new PostgresSessionStore({ db: drizzle('postgres://127.0.0.1:9/none'), envelope })
    console.log('built')
  `
  const child = spawn(process.execPath, ['--conditions=waxseal-source', '--import', 'tsx', '--input-type=module'], {
    cwd: import.meta.dirname,
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stdin.end(script)
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect(output).toBe('built\n')
})
