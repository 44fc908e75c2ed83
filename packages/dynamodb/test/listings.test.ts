/** Listings on DynamoDB: pages and segments of a real scan, the exact calls, what an abort does to a call under way. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { BatchWriteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import { MemoryTable, SessionStore } from '@waxseal/session'
import { mockClient } from 'aws-sdk-client-mock'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore } from '../src/index.ts'
import { toItem } from '../src/item.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

/** Batches of rows of 1.2 KB: a page of DynamoDB ends at 1 MB. One put for each would take most of the test's time. */
async function putRequests(ids: readonly string[]) {
  const memory = new MemoryTable()
  const store = new SessionStore(memory, { envelope })
  for (const id of ids) await store.set(id, { of: id, data: 'x'.repeat(1000) })
  const { rows } = await memory.list()
  const requests = rows.map((row) => ({ PutRequest: { Item: toItem(row, 'sessionId') } }))
  return Array.from({ length: rows.length / 25 }, (_, index) => requests.slice(index * 25, (index + 1) * 25))
}

// One engine: the table contract shows on each of them that pages and segments are whole.
describe.each(inject('engines').slice(0, 1))('on $name', ({ endpoint }) => {
  it('2,000 sessions: many pages, one part or four, are listed once each and cleared', async () => {
    const { client, tableName } = await newTable(endpoint)
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    const ids = Array.from({ length: 2000 }, (_, index) => `id-${index}`)
    for (const requests of await putRequests(ids)) {
      await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: requests } }))
    }
    const scans: (number | undefined)[] = []
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === 'ScanCommand') scans.push((args.input as { Segment?: number }).Segment)
          return next(args)
        },
      { step: 'initialize' },
    )
    for (const concurrency of [1, 4]) {
      const seen: string[] = []
      for await (const session of store.sessions<{ id: string; of: string }>({ concurrency })) {
        expect(session.of).toBe(session.id)
        seen.push(session.id)
      }
      expect(seen.sort()).toEqual([...ids].sort())
    }
    const [whole, parted] = [scans.filter((segment) => segment === undefined), scans.filter(Number.isInteger)]
    expect(whole.length).toBeGreaterThan(2)
    expect(new Set(parted)).toEqual(new Set([0, 1, 2, 3]))
    expect(await store.length({ concurrency: 4 })).toBe(2000)
    await store.clear({ concurrency: 4 })
    expect(await store.length()).toBe(0)
  })
})

describe('exact calls', () => {
  const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
  const mock = mockClient(client)
  const store = new DynamoDBSessionStore({ client, tableName: 'T', partitionKey: 'pk', envelope })
  const inputs = () => mock.commandCalls(ScanCommand).map(({ args }) => args[0].input)

  it('one part is a plain scan, several are segments, each from its own last key', async () => {
    mock.reset()
    mock.on(ScanCommand).resolves({ Items: [] })
    mock
      .on(ScanCommand, { Segment: 1, ExclusiveStartKey: undefined })
      .resolves({ LastEvaluatedKey: { pk: { S: 'x' } } })
    await store.length()
    expect(inputs()).toEqual([{ TableName: 'T', ConsistentRead: true, ExclusiveStartKey: undefined }])
    mock.resetHistory()
    await store.length({ concurrency: 2 })
    const scan = { TableName: 'T', ConsistentRead: true, TotalSegments: 2 }
    expect(inputs()).toEqual([
      { ...scan, Segment: 0, ExclusiveStartKey: undefined },
      { ...scan, Segment: 1, ExclusiveStartKey: undefined },
      { ...scan, Segment: 1, ExclusiveStartKey: { pk: { S: 'x' } } },
    ])
  })

  it('clear deletes twenty-five at a time, and at most four such batches at once', async () => {
    mock.reset()
    const item = (index: number) => ({
      pk: { S: `row-${index}` },
      record: { B: Buffer.from('x') },
      expiresAt: { N: '1999999999999' },
      ttl: { N: '2000000000' },
      version: { N: '2' },
      revision: { N: '1' },
      kid: { S: 'k' },
    })
    mock.on(ScanCommand).resolves({ Items: Array.from({ length: 1010 }, (_, index) => item(index)) })
    let underWay = 0
    let most = 0
    mock.on(BatchWriteItemCommand).callsFake(async () => {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setTimeout(resolve, 1))
      underWay--
      return {}
    })
    await store.clear()
    const batches = mock.commandCalls(BatchWriteItemCommand).map(({ args }) => args[0].input.RequestItems!.T!)
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(25)
    const deleted = batches.flat().map(({ DeleteRequest }) => DeleteRequest!.Key!.pk!.S)
    expect(new Set(deleted).size).toBe(1010)
    expect(deleted).toHaveLength(1010)
    expect(most).toBe(4)
  })
})

it('an abort ends the call that a silent server leaves open', async () => {
  const server = createServer()
  server.listen(0)
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new DynamoDBClient(clientConfig(endpoint))
  const store = new DynamoDBSessionStore({ client, tableName: 'T', envelope })
  const events: unknown[] = []
  store.on('failed', (event) => events.push(event))
  const controller = new AbortController()
  const reason = new Error('enough')
  const connected = once(server, 'connection')
  const listed = store.length({ signal: controller.signal })
  const [socket] = await connected
  socket.resume()
  const closed = once(socket, 'close')
  controller.abort(reason)
  await expect(listed).rejects.toBe(reason)
  await closed
  expect(events).toEqual([])
  client.destroy()
  server.close()
})
