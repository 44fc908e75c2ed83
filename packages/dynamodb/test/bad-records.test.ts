/** What a table writer can do to a row: the session reads as none, the row stays, an event says which class of fault. */
import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import fc from 'fast-check'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const encryptionContext = { app: 'test' }
const keys = generateKey()
const envelope = createEnvelope({ keyring: localKeyring(keys), encryptionContext })
const session = (user: string) => ({ user, cookie: { originalMaxAge: null, expires: null } })

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  async function setUp(options: Partial<ConstructorParameters<typeof DynamoDBSessionStore>[0]> = {}) {
    const { client, tableName } = await newTable(endpoint)
    const store = new DynamoDBSessionStore({ client, tableName, envelope, ...options })
    const events: { type: string; code?: string; key?: string }[] = []
    for (const type of ['unreadable', 'expired', 'failed']) store.on(type, (event) => events.push(event))
    const key = (id: string) => ({ sessionId: { S: sessionKey(id) } })
    const row = async (id: string) => {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: key(id), ConsistentRead: true }),
      )
      return Item!
    }
    const writeRow = (id: string, change: Record<string, { B: Uint8Array } | { N: string }>) =>
      client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: key(id),
          UpdateExpression: `SET ${Object.keys(change)
            .map((name) => `#${name} = :${name}`)
            .join(', ')}`,
          ExpressionAttributeNames: Object.fromEntries(Object.keys(change).map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: Object.fromEntries(
            Object.entries(change).map(([name, value]) => [`:${name}`, value]),
          ) as never,
        }),
      )
    return { client, tableName, store, events, row, writeRow }
  }

  it('the row is exactly the documented item', async () => {
    const clock = fakeClock(1_800_000_000_123)
    const { store, row } = await setUp({ clock })
    await store.set('id', session('ada'))
    const item = await row('id')
    expect(Object.keys(item).sort()).toEqual(
      ['expiresAt', 'kid', 'record', 'revision', 'sessionId', 'ttl', 'version'].sort(),
    )
    expect(item.sessionId).toEqual({ S: sessionKey('id') })
    expect(item.expiresAt).toEqual({ N: String(1_800_000_000_123 + 604_800_000) })
    expect(item.ttl).toEqual({ N: String(Math.ceil((1_800_000_000_123 + 604_800_000) / 1000)) })
    expect(item.version).toEqual({ N: '2' })
    expect(item.revision).toEqual({ N: '1' })
    expect(item.kid?.S).toBe(envelope.inspect(item.record!.B!).wrappedKeys[0]!.kid)
  })

  it('any flipped byte: no session, an event, the row kept', async () => {
    const { store, row, writeRow, events } = await setUp()
    await store.set('id', session('ada'))
    const record = (await row('id')).record!.B!
    const positions = [0, 1, 2, 3, 4, 5, 6, 7, 20, record.length >> 1, record.length - 17, record.length - 1]
    for (const position of positions) {
      const flipped = Buffer.from(record)
      flipped[position]! ^= 1
      await writeRow('id', { record: { B: flipped } })
      expect(await store.get('id')).toBe(null)
      expect(events.pop()).toMatchObject({ type: 'unreadable', key: sessionKey('id'), operation: 'get' })
      expect(Buffer.from((await row('id')).record!.B!)).toEqual(flipped)
    }
    expect(events).toEqual([])
  })

  it('a record from another row, and one from a table of another logical name', async () => {
    const { client, tableName, store, row, writeRow, events } = await setUp()
    await store.set('ada', session('ada'))
    await store.set('eve', session('eve'))
    await writeRow('eve', { record: { B: (await row('ada')).record!.B! } })
    expect(await store.get('eve')).toBe(null)
    const staff = new DynamoDBSessionStore({ client, tableName, envelope, logicalName: 'staff' })
    expect(await staff.get('ada')).toBe(null)
    expect(events).toMatchObject([{ type: 'unreadable', code: 'ERR_WAXSEAL_INTEGRITY' }])
  })

  it('a wrong key, a wrong encryption context, an unknown version', async () => {
    const { client, tableName, store, row, writeRow, events } = await setUp()
    await store.set('id', session('ada'))
    const others = [
      createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext }),
      createEnvelope({ keyring: localKeyring(keys), encryptionContext: { app: 'other' } }),
    ]
    for (const other of others) {
      const stranger = new DynamoDBSessionStore({ client, tableName, envelope: other })
      expect(await stranger.get('id')).toBe(null)
    }
    const record = Buffer.from((await row('id')).record!.B!)
    record[1] = 3
    await writeRow('id', { record: { B: record } })
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'unreadable', code: 'ERR_WAXSEAL_UNSUPPORTED_VERSION' }])
    await writeRow('id', { version: { N: '3' } })
    expect(await store.get('id')).toBe(null)
    expect(events[1]).toMatchObject({ type: 'unreadable', code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
  })

  it('a rotated key: rows under the old one still open, new ones take the first', async () => {
    const { client, tableName, store, row } = await setUp()
    await store.set('old', session('ada'))
    const rotated = createEnvelope({ keyring: localKeyring(`${generateKey()},${keys}`), encryptionContext })
    const next = new DynamoDBSessionStore({ client, tableName, envelope: rotated })
    expect(await next.get('old')).toMatchObject({ user: 'ada' })
    await next.set('new', session('grace'))
    expect((await row('new')).kid).not.toEqual((await row('old')).kid)
  })

  it('who sets ttl and expiresAt to next year cannot make a session outlive its absolute lifetime', async () => {
    const clock = fakeClock()
    const { store, row, writeRow, events } = await setUp({ clock, ttlSeconds: 3600, maxLifetimeSeconds: 7200 })
    await store.set('id', session('ada'))
    const nextYear = clock.now() + 31_536_000_000
    await writeRow('id', { expiresAt: { N: String(nextYear) }, ttl: { N: String(Math.ceil(nextYear / 1000)) } })
    clock.advanceSeconds(7199)
    const loaded = await store.get('id')
    expect(loaded).toMatchObject({ user: 'ada' })
    await store.touch('id', loaded!)
    await store.set('id', { ...loaded, user: 'grace' })
    expect(Number((await row('id')).expiresAt!.N)).toBe(clock.now() + 1000)
    await writeRow('id', { expiresAt: { N: String(nextYear) } })
    clock.advanceSeconds(2)
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'expired' }])
    expect(await store.all()).toEqual([])
  })

  it('a partition key from a stolen table is no session id', async () => {
    const { store, row } = await setUp()
    await store.set('id', session('ada'))
    expect(await store.get((await row('id')).sessionId!.S!)).toBe(null)
  })

  it('an expired row that DynamoDB has not deleted yet: null, and null again after a new login under its id', async () => {
    const clock = fakeClock()
    const { store, events } = await setUp({ clock, ttlSeconds: 60 })
    await store.set('id', session('ada'))
    clock.advanceSeconds(60)
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'expired', level: 'debug' }])
    await store.set('id', session('grace'))
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
  })

  it('hostile session ids stay apart and harm nobody', async () => {
    const { store } = await setUp()
    const ids = fc.sample(fc.string({ minLength: 1, unit: 'binary' }), 40).filter((id) => !/\p{Surrogate}/u.test(id))
    const hostile = [...new Set([...ids, '#waxseal/user/x', ':now', '__proto__', "'; --", '\0', 'x'.repeat(5000)])]
    await Promise.all(hostile.map((id, index) => store.set(id, { index })))
    const found = await Promise.all(hostile.map((id) => store.get<{ index: number }>(id)))
    expect(found.map((entry) => entry?.index)).toEqual(hostile.map((_, index) => index))
    expect(new Set(await store.ids())).toEqual(new Set(hostile))
  })
})
