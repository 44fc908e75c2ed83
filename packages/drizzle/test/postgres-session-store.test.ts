/** The store as apps use it, on every driver: under both frameworks, beside other stores, and its rows. */
import { randomUUID } from 'node:crypto'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { createSessionTable, DynamoDBSessionStore } from '@waxseal/dynamodb'
import { clientConfig } from '@waxseal/engines'
import { type SessionOptions, sessionKey } from '@waxseal/session'
import { Browser, frameworks, type Route, type TestApp } from '@waxseal/suite'
import { fakeClock } from '@waxseal/testing'
import { eq } from 'drizzle-orm'
import fc from 'fast-check'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { PostgresSessionStore } from '../src/session/index.ts'
import { databases, newTable } from './support/databases.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
const session = (user: string) => ({ user, cookie: { originalMaxAge: null, expires: null } })

const apps: TestApp[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

const routes: Record<string, Route> = {
  '/login': async (visit) => {
    await visit.regenerate()
    visit.session.user = 'ada'
  },
  '/read': ({ session }) => session.user ?? null,
  '/rename': ({ session }) => {
    session.user = 'grace'
  },
  '/logout': (visit) => visit.destroy(),
}

describe.each(databases)('on $database', ({ open }) => {
  async function setUp(options: Partial<SessionOptions> = {}) {
    const db = await open()
    const table = await newTable(db)
    const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0, ...options })
    const events: { type: string; code?: string }[] = []
    for (const type of ['unreadable', 'expired', 'refused', 'failed']) store.on(type, (event) => events.push(event))
    const row = async (id: string) =>
      (
        await db
          .select()
          .from(table)
          .where(eq(table.key, sessionKey(id)))
      )[0]
    return { db, table, store, events, row }
  }

  describe.each(frameworks)('under $framework', ({ start }) => {
    it('signs in, reads, changes and signs out; the old cookie is worth nothing', async () => {
      const { store } = await setUp()
      const app = await start(store, routes)
      apps.push(app)
      const browser = new Browser(app)
      expect((await browser.get('/read')).body).toBe(null)
      expect(await store.length()).toBe(0)
      await browser.get('/login')
      expect((await browser.get('/read')).body).toBe('ada')
      await browser.get('/rename')
      expect((await browser.get('/read')).body).toBe('grace')
      expect(await store.length()).toBe(1)
      const cookie = browser.cookie
      expect((await browser.get('/logout')).status).toBe(200)
      expect(await store.length()).toBe(0)
      expect((await new Browser(app, cookie).get('/read')).body).toBe(null)
    })

    it('a slow request does not bring a destroyed session back', async () => {
      const { store, events } = await setUp()
      let arrive = () => {}
      let leave = () => {}
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve
      })
      const left = new Promise<void>((resolve) => {
        leave = resolve
      })
      const slow: Route = async ({ session }) => {
        arrive()
        await left
        session.user = 'ghost'
      }
      const app = await start(store, { ...routes, '/slow': slow })
      apps.push(app)
      const browser = new Browser(app)
      await browser.get('/login')
      const answer = new Browser(app, browser.cookie).get('/slow')
      await arrived
      await browser.get('/logout')
      leave()
      expect((await answer).status).toBe(200)
      expect(await store.length()).toBe(0)
      expect(events).toMatchObject([{ type: 'refused', operation: 'set' }])
    })
  })

  it('the row is exactly the documented one', async () => {
    const clock = fakeClock(1_800_000_000_123)
    const { store, row } = await setUp({ clock })
    await store.set('id', session('ada'))
    expect(await row('id')).toEqual({
      key: sessionKey('id'),
      record: expect.any(Uint8Array),
      expiresAt: 1_800_000_000_123 + 604_800_000,
      revision: 1,
      kid: envelope.inspect((await row('id'))!.record).wrappedKeys[0]!.kid,
    })
  })

  it('what a table writer does to a row: no session, an event, the row kept', async () => {
    const { db, table, store, events, row } = await setUp()
    await store.set('ada', session('ada'))
    await store.set('eve', session('eve'))
    await db
      .update(table)
      .set({ record: (await row('ada'))!.record })
      .where(eq(table.key, sessionKey('eve')))
    expect(await store.get('eve')).toBe(null)
    await db
      .update(table)
      .set({ revision: -1 })
      .where(eq(table.key, sessionKey('ada')))
    expect(await store.get('ada')).toBe(null)
    expect(events).toMatchObject([
      { type: 'unreadable', code: 'ERR_WAXSEAL_INTEGRITY' },
      { type: 'unreadable', code: 'ERR_WAXSEAL_RECORD_MALFORMED' },
    ])
    expect(await row('ada')).toBeDefined()
  })

  it('who sets expires_at to next year cannot make a session outlive its absolute lifetime', async () => {
    const clock = fakeClock()
    const { db, table, store } = await setUp({ clock, maxLifetimeSeconds: 7200 })
    await store.set('id', session('ada'))
    await db.update(table).set({ expiresAt: clock.now() + 31_536_000_000 })
    clock.advanceSeconds(7199)
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    clock.advanceSeconds(2)
    expect(await store.get('id')).toBe(null)
  })

  it('hostile session ids stay apart and harm nobody', async () => {
    const { store } = await setUp()
    const ids = fc.sample(fc.string({ minLength: 1, unit: 'binary' }), 20).filter((id) => !/\p{Surrogate}/u.test(id))
    const hostile = [
      ...new Set([...ids, '#waxseal/user/x', "'; drop table x; --", '__proto__', '\0', 'x'.repeat(5000)]),
    ]
    await Promise.all(hostile.map((id, index) => store.set(id, { index })))
    const found = await Promise.all(hostile.map((id) => store.get<{ index: number }>(id)))
    expect(found.map((entry) => entry?.index)).toEqual(hostile.map((_, index) => index))
    expect(new Set(await store.ids())).toEqual(new Set(hostile))
    await store.clear()
    expect(await store.length()).toBe(0)
  })

  it('a record moved here from DynamoDB opens and goes on', async () => {
    const { db, table, store, row } = await setUp()
    const { endpoint } = inject('engines').find(({ name }) => name === 'dynalite')!
    const client = new DynamoDBClient(clientConfig(endpoint))
    const tableName = `sessions-${randomUUID()}`
    await createSessionTable({ client, tableName })
    const there = new DynamoDBSessionStore({ client, tableName, envelope })
    await there.set('id', session('ada'))
    const Key = { sessionId: { S: sessionKey('id') } }
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))
    await db.insert(table).values({
      key: Item!.sessionId!.S!,
      record: Item!.record!.B!,
      expiresAt: Number(Item!.expiresAt!.N),
      revision: Number(Item!.revision!.N),
      kid: Item!.kid!.S!,
    })
    const loaded = await store.get<{ user: string }>('id')
    expect(loaded).toMatchObject({ user: 'ada' })
    expect(await store.set('id', Object.assign(loaded!, { user: 'grace' }))).toBe(true)
    expect(await row('id')).toMatchObject({ revision: 2 })
    client.destroy()
  })
})
