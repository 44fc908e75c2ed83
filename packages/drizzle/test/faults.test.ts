/** What is of Postgres alone among the faults: crashes, locks, wrong tables, missing rights; the rest is the suite's. */
import { randomBytes, randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { WaxsealError } from '@waxseal/core'
import { startPostgres } from '@waxseal/engines'
import type { StopSignal } from '@waxseal/session'
import { envelope, faultSuite, outcome, sessionOf } from '@waxseal/suite'
import { getTableName, sql } from 'drizzle-orm'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest'
import {
  type PgSessionTable,
  PostgresSessionStore,
  PostgresSessionTable,
  pgSessionTable,
} from '../src/session/index.ts'
import { databases, newTable, type OpenDatabase, openNodePostgres, openPostgresJs } from './support/databases.ts'
import { remoteDatabase } from './support/suite-databases.ts'

const session = sessionOf('ada')
const server = inject('postgres')

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
function closeLater<T extends OpenDatabase>(opened: T): T {
  closing.push(opened.close)
  return opened
}

/** Keeps everybody out of the table until it is called. */
async function lock(table: PgSessionTable, connectionString: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  closing.push(() => client.end())
  await client.query(`begin; lock table "${getTableName(table)}" in access exclusive mode`)
  return async () => {
    await client.query('rollback')
  }
}

faultSuite(remoteDatabase)

describe('broken connections, by node-postgres', () => {
  it('a server that dies under a call: an error at once, never "no session"', async () => {
    const own = await startPostgres()
    const { db } = closeLater(openNodePostgres(own.url))
    const table = await newTable(db)
    const store = new PostgresSessionStore({ db, table, envelope })
    await store.set('id', { ...session })
    await lock(table, own.url)
    const reading = outcome(() => store.get('id'))
    await own.stop()
    const { error, milliseconds } = await reading
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
    expect(milliseconds).toBeLessThan(4500)
    const next = await outcome(() => store.get('id'))
    expect(next.error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
  })
})

describe.each([
  { driver: 'node-postgres', open: (url: string) => openNodePostgres(url) },
  { driver: 'postgres.js', open: (url: string) => openPostgresJs(url) },
])('by $driver', ({ open }) => {
  it('a statement that waits for a lock ends at the store’s time-out, and does no harm when it gets it', async () => {
    const { db } = closeLater(open(server))
    const table = await newTable(db)
    const store = new PostgresSessionStore({ db, table, envelope, timeoutMilliseconds: 300 })
    await store.set('id', { ...session })
    const loaded = await store.get<{ user: string }>('id')
    const unlock = await lock(table, server)
    const { error, milliseconds } = await outcome(() => store.set('id', Object.assign(loaded!, { user: 'late' })))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    expect(milliseconds).toBeLessThan(1000)
    await unlock()
    // The late write may have arrived: it depended on the revision that it knew.
    expect(['ada', 'late']).toContain((await store.get<{ user: string }>('id'))?.user)
  })

  it('every call of the table settles as soon as it is told to stop, and one that begins later does nothing', async () => {
    const { db } = closeLater(open(server))
    const schema = await newTable(db)
    const table = new PostgresSessionTable(db, schema)
    const row = { key: 'key', record: randomBytes(9), expiresAt: 9_999, revision: 1, kid: 'k' }
    const calls: ((signal: StopSignal) => Promise<unknown>)[] = [
      (signal) => table.get('key', signal),
      (signal) => table.insert(row, 0, signal),
      (signal) => table.update(row, { revision: 1 }, 0, signal),
      (signal) => table.extend('key', 5, { revision: 1 }, 0, signal),
      (signal) => table.delete('key', signal),
      (signal) => table.deleteMany(['key'], signal),
      (signal) => table.list(undefined, signal),
      (signal) => table.deleteExpired(9, signal),
    ]
    const unlock = await lock(schema, server)
    for (const call of calls) {
      const signal: StopSignal & { aborted: boolean } = { aborted: false, onabort: null }
      const stopped = outcome(() => call(signal))
      signal.aborted = true
      signal.onabort?.()
      const { error, milliseconds } = await stopped
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
      expect(milliseconds).toBeLessThan(200)
    }
    await unlock()
    for (const call of calls) {
      const { error } = await outcome(() => call({ aborted: true, onabort: null }))
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    }
  })

  describe('what somebody has to mend is named', () => {
    const db = open(server)
    afterAll(db.close)
    const store = (name: string, options = {}) =>
      new PostgresSessionStore({ db: db.db, table: pgSessionTable(name, options), envelope })

    it('a missing table, and a missing schema', async () => {
      const { error } = await outcome(() => store('not there').get('id'))
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID', retryable: false })
      expect((error as Error).message).toMatch(/no table "not there".*pgSessionTable\(\).*sessionTableSql\(\)/)
      const { error: noSchema } = await outcome(() =>
        store('sessions', { schema: 'nowhere' }).set('id', { ...session }),
      )
      expect(noSchema).toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID' })
      expect((noSchema as Error).message).toContain('"nowhere"."sessions"')
    })

    it.each([
      ['a column less', 'drop column kid', ['get', 'set']],
      ['a column more that must be filled', 'add column tenant text not null', ['set']],
      ['a column of another type', 'alter column expires_at type timestamp using now()', ['set']],
      ['a column too small', 'alter column record type bytea, alter column kid type varchar(1)', ['set']],
      ['no primary key', 'drop constraint THE_KEY', ['set']],
    ])('a table with %s', async (_, change, operations) => {
      const table = await newTable(db.db)
      const primaryKey = `"${getTableName(table)}_pkey"`
      await db.db.execute(sql`alter table ${table} ${sql.raw(change.replace('THE_KEY', primaryKey))}`)
      const wrong = new PostgresSessionStore({ db: db.db, table, envelope })
      for (const operation of operations) {
        const { error } = await outcome(() => (operation === 'get' ? wrong.get('id') : wrong.set('id', { ...session })))
        expect(error).toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID', retryable: false })
        expect((error as Error).message).toContain('sessionTableSql()')
      }
    })

    it('a role without rights', async () => {
      const table = await newTable(db.db)
      const role = `role_${randomUUID().replaceAll('-', '')}`
      await db.db.execute(sql.raw(`create role ${role} login`))
      const address = new URL(server)
      address.username = role
      const { db: theirs } = closeLater(open(address.href))
      const { error } = await outcome(() => new PostgresSessionStore({ db: theirs, table, envelope }).get('id'))
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
      expect((error as Error).message).toContain('GRANT SELECT, INSERT, UPDATE, DELETE')
    })

    it.each([
      ['role', (address: URL) => Object.assign(address, { username: 'nobody' })],
      ['database', (address: URL) => Object.assign(address, { pathname: '/nothing' })],
    ])('a %s that is not there', async (_, change) => {
      const { db: theirs } = closeLater(open(change(new URL(server)).href))
      const { error } = await outcome(() => new PostgresSessionStore({ db: theirs, envelope }).get('id'))
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG' })
      expect((error as Error).message).toContain('check user, password and database')
    })

    it('a server that is read-only for the moment is an outage', async () => {
      const { db: theirs } = closeLater(openNodePostgres(server, { default_transaction_read_only: 'on' }))
      const table = await newTable(db.db)
      const { error } = await outcome(() =>
        new PostgresSessionStore({ db: theirs, table, envelope }).set('id', { ...session }),
      )
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
    })
  })

  it('no error says what was written, whatever Postgres and the driver quote', async () => {
    const { db } = closeLater(open(server))
    const row = { key: randomUUID(), record: randomBytes(64), expiresAt: 9_999, revision: 1, kid: randomUUID() }
    const signal = { aborted: false, onabort: null }
    const secrets = [row.key, row.kid, row.record.toString('hex'), row.record.toString('base64').slice(0, 40)]
    // Each makes Postgres quote values: of the row, of a parameter, in a message of the app's own.
    const changes = [
      `add check (revision > 5)`,
      `alter column kid type varchar(1)`,
      `alter column kid type integer using 1`,
      `add column copy text generated always as (kid) stored unique`,
    ]
    for (const change of changes) {
      const schema = await newTable(db)
      await db.execute(sql`alter table ${schema} ${sql.raw(change)}`)
      const table = new PostgresSessionTable(db, schema)
      await table.insert(row, 0, signal).catch(() => {})
      const { error } = await outcome(() => table.insert({ ...row, key: `${row.key}2` }, 0, signal))
      expect(error).toBeInstanceOf(WaxsealError)
      const everything = inspect(error, { depth: 9, showHidden: true, getters: true }) + JSON.stringify(error)
      for (const secret of secrets) expect(everything).not.toContain(secret)
    }
  })
})

describe.each(databases)('what an error says of its cause, on $database', ({ open }) => {
  it.each(['UA001', 'ABCDE', 'P0001', '42501', '57014', 'XX000'])(
    'not the words of a trigger, which quote the row, whatever its SQLSTATE: %s',
    async (errcode) => {
      const db = await open()
      const schema = await newTable(db)
      const name = sql.identifier(`refuse_${randomUUID()}`)
      const body = sql.raw(`'begin raise exception ''refused: %'', to_jsonb(new) using errcode = ''${errcode}''; end'`)
      await db.execute(sql`create function ${name}() returns trigger language plpgsql as ${body}`)
      await db.execute(sql`create trigger refuse before insert on ${schema} for each row execute function ${name}()`)
      const table = new PostgresSessionTable(db, schema)
      const row = { key: randomUUID(), record: randomBytes(64), expiresAt: 9_999, revision: 1, kid: randomUUID() }
      const { error } = await outcome(() => table.insert(row, 0, { aborted: false, onabort: null }))
      expect(error).toMatchObject({ cause: { code: errcode, message: expect.stringContaining('withheld') } })
      const everything = inspect(error, { depth: 9, showHidden: true, getters: true })
      for (const secret of [row.key, row.kid, 'refused']) expect(everything).not.toContain(secret)
    },
  )

  it('those of Postgres, where they quote names alone', async () => {
    const store = new PostgresSessionStore({ db: await open(), table: pgSessionTable('not there'), envelope })
    const { error } = await outcome(() => store.get('id'))
    expect(error).toMatchObject({ cause: { code: '42P01', message: 'relation "not there" does not exist' } })
  })
})

it('of a connection that is not there, the driver’s words', async () => {
  const { db } = closeLater(openNodePostgres('postgres://nobody@127.0.0.1:1/none'))
  const { error } = await outcome(() => new PostgresSessionStore({ db, envelope }).get('id'))
  expect(error).toMatchObject({ cause: { code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED') } })
})

describe('the constructor says at once what is wrong', () => {
  const { db, close } = openNodePostgres(server)
  afterAll(close)

  it.each([
    ['no database', { envelope }, /db must be a Drizzle database/],
    ['a pool in its place', { db: { query() {} }, envelope }, /db must be a Drizzle database/],
    ['replicas', { db: { $replicas: [], $primary: db }, envelope }, /\$primary/],
    ['no envelope', { db }, /envelope/],
    ['no interval', { db, envelope, pruneIntervalSeconds: -1 }, /pruneIntervalSeconds/],
    ['an interval that is none', { db, envelope, pruneIntervalSeconds: Number.NaN }, /pruneIntervalSeconds/],
    ['a bad duration', { db, envelope, ttlSeconds: 0 }, /ttlSeconds/],
  ])('%s', (_, options, message) => {
    expect(() => new PostgresSessionStore(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  it('a transaction', async () => {
    await db.transaction(async (transaction) => {
      expect(() => new PostgresSessionStore({ db: transaction, envelope })).toThrow(/must not be a transaction/)
    })
  })
})
