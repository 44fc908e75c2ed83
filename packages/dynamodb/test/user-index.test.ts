/** The index item of a user: what it holds, how it is kept small, and what it does not let anybody plant. */
import { randomBytes } from 'node:crypto'
import { type DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import type { SessionRow } from '@waxseal/session'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const signal = { aborted: false, onabort: null }
const now = Date.now()
const HOUR = 3_600_000
const all = { except: [] }

const random = () => randomBytes(32).toString('base64url')
const rowOf = (userTag: string, change: Partial<SessionRow> = {}): SessionRow => ({
  key: random(),
  record: randomBytes(50),
  expiresAt: now + 2 * HOUR,
  revision: 1,
  kid: 'k',
  userTag,
  absoluteExpiresAt: now + 24 * HOUR,
  ...change,
})

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  let client: DynamoDBClient
  let tableName: string
  let table: DynamoDBSessionTable
  beforeAll(async () => {
    ;({ client, tableName } = await newTable(endpoint))
    table = new DynamoDBSessionTable(client, tableName, 'sessionId')
  })
  afterAll(() => client.destroy())

  const keyOf = (tag: string) => ({ sessionId: { S: `#waxseal/user/${tag}` } })
  const itemOf = async (tag: string) => {
    const command = new GetItemCommand({ TableName: tableName, Key: keyOf(tag), ConsistentRead: true })
    return (await client.send(command)).Item ?? {}
  }
  const entriesOf = async (tag: string) => (await itemOf(tag)).entries?.SS ?? []
  const entry = (key: string, addedAt: number) => `${key}.${addedAt.toString(36)}.x`
  const insert = async (...rows: SessionRow[]) => {
    for (const row of rows) expect(await table.insert(row, now, signal)).toEqual({ written: true })
  }
  /** What somebody who can write the table puts there. */
  const plant = (tag: string, entries: string[], attribute = 'entries') =>
    client.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: keyOf(tag),
        UpdateExpression: 'ADD #set :entries',
        ExpressionAttributeNames: { '#set': attribute },
        ExpressionAttributeValues: { ':entries': { SS: entries } },
      }),
    )

  it('holds hashes and times, and goes no sooner than the last of the user’s sessions', async () => {
    const tag = random()
    const ends = [5, 9, 7].map((hours) => now + hours * HOUR + 1)
    const rows = ends.map((absoluteExpiresAt) => rowOf(tag, { absoluteExpiresAt }))
    await insert(...rows)
    const item = await itemOf(tag)
    expect(Object.keys(item).sort()).toEqual(['entries', 'sessionId', 'ttl'])
    expect(Number(item.ttl?.N)).toBe(Math.ceil(ends[1]! / 1000))
    const texts = item.entries?.SS ?? []
    expect(texts.map((text) => text.split('.')[0]).sort()).toEqual(rows.map(({ key }) => key).sort())
  })

  it('loses entries whose rows are gone, have expired or are another user’s, and keeps all others', async () => {
    const tag = random()
    const long = now - HOUR
    const alive = Array.from({ length: 10 }, () => rowOf(tag))
    const other = rowOf(random())
    const expired = rowOf(tag, { expiresAt: now - HOUR / 2 })
    const justExpired = rowOf(tag, { expiresAt: now - 60_000 })
    await insert(...alive, other)
    for (const row of [expired, justExpired]) await table.insert(row, long, signal)
    const young = entry(random(), now - 600_000)
    const kept = [...alive, justExpired].map(({ key }) => entry(key, long))
    await plant(tag, [...kept, young])
    const gone = [other.key, expired.key, ...Array.from({ length: 30 }, random)].map((key) => entry(key, long))
    await plant(tag, gone.slice(0, 20))
    await plant(tag, gone.slice(20), 'leaving')
    await insert(rowOf(tag))
    await vi.waitFor(async () => expect((await itemOf(tag)).leaving).toBe(undefined), { timeout: 10_000 })
    const left = await entriesOf(tag)
    expect(left).toEqual(expect.arrayContaining([...kept, young]))
    for (const text of gone) expect(left).not.toContain(text)
  })

  it('is left alone while it is small', async () => {
    const tag = random()
    const gone = Array.from({ length: 10 }, () => entry(random(), now - HOUR))
    await plant(tag, gone)
    await insert(rowOf(tag))
    await insert(rowOf(tag))
    expect(await entriesOf(tag)).toHaveLength(12)
  })

  it('is pruned in the background: a login neither waits for it nor fails by it', async () => {
    const tag = random()
    await plant(
      tag,
      Array.from({ length: 40 }, () => entry(random(), now - HOUR)),
    )
    const own = (await newTable(endpoint)).client
    let asked = 0
    own.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName !== 'BatchGetItemCommand') return next(args)
          asked += 1
          return Promise.reject(new Error('throttled'))
        },
      { step: 'initialize' },
    )
    const process = new DynamoDBSessionTable(own, tableName, 'sessionId')
    expect(await process.insert(rowOf(tag), now, signal)).toEqual({ written: true })
    await vi.waitFor(() => expect(asked).toBe(1))
    expect(await entriesOf(tag)).toHaveLength(41)
    own.destroy()
  })

  const fill = async (tag: string, addedAt: number) => {
    for (let n = 0; n < 4; n++) {
      await plant(
        tag,
        Array.from({ length: 1600 }, () => entry(random(), addedAt)),
      ).catch(() => {})
    }
    // To the brim: 64 bytes and less are left.
    for (let size = 4096; size >= 32; size /= 2) {
      for (let n = 0; n < 30; n++) {
        const planted = await plant(tag, [randomBytes(size / 2).toString('hex')]).then(
          () => true,
          () => false,
        )
        if (!planted) break
      }
    }
  }

  it('that is full of rows that have gone gets room for a login', async () => {
    const tag = random()
    await fill(tag, now - HOUR)
    const row = rowOf(tag)
    expect(await table.insert(row, now, signal)).toEqual({ written: true })
    expect(await entriesOf(tag)).toContainEqual(expect.stringContaining(row.key))
  })

  it('that is full is a clear error, and no row', async () => {
    const tag = random()
    await fill(tag, now)
    const row = rowOf(tag)
    await expect(table.insert(row, now, signal)).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
      message: expect.stringContaining('destroyAllOf'),
    })
    expect(await table.get(row.key, signal)).toBe(undefined)
  })

  it('with planted entries names no row that does not carry the tag, and ends none', async () => {
    const tag = random()
    const [own, other] = [rowOf(tag), rowOf(random())]
    await insert(own, other)
    const texts = ['', '#waxseal/index-key/1', other.key].map((key) => entry(key, now))
    await plant(tag, [...texts, 'x', `${other.key}.`, `${other.key}.!.x`, 'k'.repeat(3000)])
    expect((await table.listUser(tag, undefined, signal)).rows.map(({ key }) => key)).toEqual([own.key])
    expect(await table.deleteUser(tag, all, now, signal)).toBe(1)
    expect(await table.get(other.key, signal)).toBeDefined()
  })

  it('a row whose tag is no text is malformed', async () => {
    const key = random()
    const Item = {
      sessionId: { S: key },
      record: { B: Buffer.from('x') },
      expiresAt: { N: String(now + HOUR) },
      ttl: { N: '2000000000' },
      version: { N: '2' },
      revision: { N: '1' },
      kid: { S: 'k' },
      userTag: { N: '5' },
    }
    await client.send(new PutItemCommand({ TableName: tableName, Item }))
    await expect(table.get(key, signal)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
  })

  it('a removal that is stopped settles soon, and the next one ends the rest', async () => {
    const tag = random()
    const rows = Array.from({ length: 40 }, () => rowOf(tag))
    await Promise.all(rows.map((row) => table.insert(row, now, signal)))
    const own = (await newTable(endpoint)).client
    const stopping = { aborted: false, onabort: null as (() => void) | null }
    let removed = 0
    own.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const result = await next(args)
          if (commandName === 'DeleteItemCommand' && ++removed === 15) {
            stopping.aborted = true
            stopping.onabort?.()
          }
          return result
        },
      { step: 'initialize' },
    )
    const process = new DynamoDBSessionTable(own, tableName, 'sessionId')
    await expect(process.deleteUser(tag, all, now, stopping)).rejects.toMatchObject({ retryable: true })
    expect(removed).toBeLessThan(30)
    own.destroy()
    const left = (await table.listUser(tag, undefined, signal)).rows.length
    expect(left).toBeGreaterThan(0)
    // Calls that were under way may have come about since.
    expect(await table.deleteUser(tag, all, now, signal)).toBeLessThanOrEqual(left)
    for (const { key } of rows) expect(await table.get(key, signal)).toBe(undefined)
  })

  it('a removal looks at what has been leaving side by side, and removes what it finds', async () => {
    const tag = random()
    const row = rowOf(tag)
    await insert(row)
    const left = Array.from({ length: 300 }, () => entry(random(), now))
    await plant(tag, [...left, entry(row.key, now)], 'leaving')
    const own = (await newTable(endpoint)).client
    let [underWay, most] = [0, 0]
    own.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName !== 'BatchGetItemCommand') return next(args)
          underWay += 1
          most = Math.max(most, underWay)
          return next(args).finally(() => {
            underWay -= 1
          })
        },
      { step: 'initialize' },
    )
    const process = new DynamoDBSessionTable(own, tableName, 'sessionId')
    expect(await process.deleteUser(tag, all, now, signal)).toBe(1)
    // 301 keys, 8 of them in the first call and 25 in others, as far as 250 are asked for at once.
    expect(most).toBeGreaterThanOrEqual(10)
    own.destroy()
  })
})
