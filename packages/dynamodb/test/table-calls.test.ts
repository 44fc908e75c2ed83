/** Calls of the table that no engine shows: stop signals, batches that stay unprocessed, an item without its key. */
import { setTimeout as sleep } from 'node:timers/promises'
import { BatchWriteItemCommand, DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
beforeEach(() => {
  mock.reset()
})

const signal = { aborted: false, onabort: null }
const table = new DynamoDBSessionTable(client, 'T', 'pk')
const item = {
  pk: { S: 'row' },
  record: { B: Buffer.from('x') },
  expiresAt: { N: '1999999999999' },
  ttl: { N: '2000000000' },
  version: { N: '2' },
  revision: { N: '1' },
  kid: { S: 'k' },
}

it('every call is given the signal that ends it', async () => {
  mock.onAnyCommand().resolves({})
  const row = { key: 'row', record: new Uint8Array(1), expiresAt: 2, revision: 1, kid: 'k' }
  await table.get('row', signal)
  await table.insert(row, 1, signal)
  await table.update(row, { revision: 1 }, 1, signal)
  await table.extend('row', 2, { revision: 1 }, 1, signal)
  await table.delete('row', signal)
  await table.deleteMany(['row'], signal)
  await table.list(undefined, signal)
  // The mock's types know of the command alone, not of the options beside it.
  const options = mock.calls().map(({ args }) => (args as readonly unknown[])[1])
  expect(options).toHaveLength(7)
  for (const given of options) expect((given as { abortSignal?: unknown } | undefined)?.abortSignal).toBe(signal)
})

it('an item without its key is malformed', async () => {
  const { pk: _, ...keyless } = item
  mock.on(GetItemCommand).resolvesOnce({ Item: item }).resolves({ Item: keyless })
  expect(await table.get('row', signal)).toMatchObject({ key: 'row', revision: 1 })
  await expect(table.get('row', signal)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
})

describe('clear, of what DynamoDB leaves unprocessed', () => {
  const left = [{ DeleteRequest: { Key: { pk: { S: 'row' } } } }]
  const newStore = (tableName: string, timeoutMilliseconds = 5000) =>
    new DynamoDBSessionStore({ client, tableName, partitionKey: 'pk', envelope, timeoutMilliseconds })
  beforeEach(() => {
    mock.on(ScanCommand).resolves({ Items: [item] })
  })

  it('sends it again also when it comes back under the name of a table that was given by its ARN', async () => {
    mock
      .on(BatchWriteItemCommand)
      .resolvesOnce({ UnprocessedItems: { T: left } })
      .resolves({})
    const arn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/T'
    await newStore(arn).clear()
    const batches = mock.commandCalls(BatchWriteItemCommand).map(({ args }) => args[0].input.RequestItems)
    expect(batches).toEqual([{ [arn]: left }, { [arn]: left }])
  })

  it('sends it again with pauses, and no more after the time-out', async () => {
    mock.on(BatchWriteItemCommand).resolves({ UnprocessedItems: { T: left } })
    await expect(newStore('T', 150).clear()).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    const sent = mock.commandCalls(BatchWriteItemCommand).length
    expect(sent).toBeGreaterThan(1)
    expect(sent).toBeLessThan(6)
    await sleep(500)
    expect(mock.commandCalls(BatchWriteItemCommand)).toHaveLength(sent)
  })
})
