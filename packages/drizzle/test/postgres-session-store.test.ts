/** The rows of the store, by every driver: as documented, damaged, and moved from one database to the other. */
import { randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createSessionTable, DynamoDBSessionStore, DynamoDBSessionTable } from '@waxseal/dynamodb'
import { clientConfig } from '@waxseal/engines'
import { type SessionOptions, sessionKey } from '@waxseal/session'
import { envelope, eventsOf, expectEveryOperation, hostileNames, sessionOf } from '@waxseal/suite'
import { fakeClock } from '@waxseal/testing'
import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { PostgresSessionStore, PostgresSessionTable, pgSessionTable } from '../src/session/index.ts'
import { createTable, databases, newTable } from './support/databases.ts'

const signal = { aborted: false, onabort: null }
const key = sessionKey('id')

describe.each(databases)('on $database', ({ open }) => {
  // To start PGlite may take longer than a case.
  beforeAll(() => open())

  async function setUp(options: Partial<SessionOptions> = {}) {
    const db = await open()
    const table = await newTable(db)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0, ...options })
    return { db, table, store }
  }

  it('a session is exactly the documented row', async () => {
    const { db, table, store } = await setUp({ clock: fakeClock(1_800_000_000_123) })
    await store.set('id', sessionOf('ada'))
    const rows = await db.select().from(table)
    expect(rows).toEqual([
      {
        key,
        record: expect.any(Uint8Array),
        expiresAt: 1_800_000_000_123 + 604_800_000,
        revision: expect.any(Number),
        kid: envelope.inspect(rows[0]?.record ?? Buffer.alloc(0)).wrappedKeys[0]?.kid,
        userTag: null,
      },
    ])
  })

  it('a row whose columns are not ours is no session, and stays', async () => {
    const { db, table, store } = await setUp()
    const unreadable = eventsOf(store, 'unreadable')
    await store.set('id', sessionOf('ada'))
    await db.update(table).set({ revision: -1 }).where(eq(table.key, key))
    expect(await store.get('id')).toBe(null)
    expect(unreadable).toMatchObject([{ code: 'ERR_WAXSEAL_RECORD_MALFORMED' }])
    expect(await db.select().from(table)).toMatchObject([{ key, revision: -1 }])
  })

  it.each(hostileNames)('a table named %j serves every operation', async (name) => {
    const db = await open()
    const table = pgSessionTable(`${name} ${randomUUID().slice(0, 18)}`)
    await createTable(db, table)
    await expectEveryOperation(
      (options) => new PostgresSessionStore({ db, table, pruneIntervalSeconds: 0, ...options }),
    )
  })

  it('a session moves here from DynamoDB and back, as it is, and goes on each time', async () => {
    const here = await setUp()
    const { endpoint } = inject('engines').find(({ name }) => name === 'dynalite')!
    const client = new DynamoDBClient(clientConfig(endpoint))
    onTestFinished(() => client.destroy())
    const tableName = `sessions-${randomUUID()}`
    await createSessionTable({ client, tableName })
    const there = new DynamoDBSessionStore({ client, tableName, envelope })
    const hereTable = new PostgresSessionTable(here.db, here.table)
    const thereTable = new DynamoDBSessionTable(client, tableName, 'sessionId')

    await there.set('id', { ...sessionOf('ada'), moves: 0 })
    for (const [from, to, store] of [
      [thereTable, hereTable, here.store],
      [hereTable, thereTable, there],
    ] as const) {
      const row = await from.get(key, signal)
      await to.delete(key, signal)
      expect(await to.insert(row!, 0, signal)).toMatchObject({ written: true })
      const loaded = await store.get<{ user: string; moves: number }>('id')
      expect(loaded).toMatchObject({ user: 'ada' })
      loaded!.moves += 1
      expect(await store.set('id', loaded!)).toBe(true)
      expect(await to.get(key, signal)).toMatchObject({ revision: row!.revision + 1 })
    }
    expect(await there.get('id')).toMatchObject({ user: 'ada', moves: 2 })
  })
})
