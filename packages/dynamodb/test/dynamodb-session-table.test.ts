/** The table on real engines: the contract of every session table, items that are no rows, the largest record. */
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { sessionTableContract } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const signal = { aborted: false, onabort: null }

/** Whole: every test below takes from it, or changes, one thing. */
const item: Record<string, AttributeValue> = {
  sessionId: { S: 'row' },
  record: { B: Buffer.from('x') },
  expiresAt: { N: '1999999999999' },
  ttl: { N: '2000000000' },
  version: { N: '2' },
  revision: { N: '1' },
  kid: { S: 'k' },
}

describe.each(inject('engines'))('$name', ({ endpoint }) => {
  sessionTableContract({ describe, it }, async () => {
    const { client, tableName } = await newTable(endpoint, 'pk')
    return new DynamoDBSessionTable(client, tableName, 'pk')
  })

  async function tableOf(...items: Record<string, AttributeValue>[]) {
    const { client, tableName } = await newTable(endpoint)
    for (const Item of items) await client.send(new PutItemCommand({ TableName: tableName, Item }))
    return new DynamoDBSessionTable(client, tableName, 'sessionId')
  }

  it('reads an item that is whole', async () => {
    const table = await tableOf(item)
    const row = { key: 'row', expiresAt: 1_999_999_999_999, revision: 1, kid: 'k' }
    expect(await table.get('row', signal)).toMatchObject(row)
  })

  it.each<[string, string, AttributeValue | undefined]>([
    ['no record', 'record', undefined],
    ['the record as a string', 'record', { S: 'ws2.' }],
    ['no expiry', 'expiresAt', undefined],
    ['a negative expiry', 'expiresAt', { N: '-1' }],
    ['a huge expiry', 'expiresAt', { N: '1e30' }],
    ['a broken expiry', 'expiresAt', { N: '1.5' }],
    ['an expiry as a string', 'expiresAt', { S: '1999999999999' }],
    ['no version', 'version', undefined],
    ['another version', 'version', { N: '3' }],
    ['no revision', 'revision', undefined],
    ['a revision as a string', 'revision', { S: '1' }],
    ['no kid', 'kid', undefined],
  ])('refuses an item with %s as malformed', async (_, name, value) => {
    const { [name]: _changed, ...rest } = item
    const table = await tableOf(value === undefined ? rest : { ...rest, [name]: value })
    await expect(table.get('row', signal)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
  })

  it('leaves items of another kind out of listings', async () => {
    const { kid: _, ...malformed } = item
    const table = await tableOf(
      item,
      { ...item, sessionId: { S: '#waxseal/user/x' } },
      { ...item, sessionId: { S: '#anything' } },
      { sessionId: { S: 'of-the-app' }, colour: { S: 'red' } },
      { ...malformed, sessionId: { S: 'malformed' } },
    )
    expect((await table.list(undefined, signal)).rows).toMatchObject([{ key: 'row' }])
  })

  it('holds the largest record that it promises, also with the longest key name, and says when one is too large', async () => {
    const partitionKey = 'p'.repeat(255)
    const { client, tableName } = await newTable(endpoint, partitionKey)
    const table = new DynamoDBSessionTable(client, tableName, partitionKey)
    const row = (bytes: number) => ({
      key: 'k'.repeat(43),
      record: new Uint8Array(bytes),
      expiresAt: Number.MAX_SAFE_INTEGER,
      revision: Number.MAX_SAFE_INTEGER,
      kid: 'k'.repeat(64),
    })
    await expect(table.insert(row(table.maxRecordBytes + 512), 0, signal)).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
    })
    expect(await table.insert(row(table.maxRecordBytes), 0, signal)).toEqual({ written: true })
  })
})
