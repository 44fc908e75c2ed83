import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { sessionTableContract } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const signal = { aborted: false, onabort: null }

describe.each(inject('engines'))('$name', ({ endpoint }) => {
  sessionTableContract({ describe, it }, async () => {
    const { client, tableName } = await newTable(endpoint, 'pk')
    return new DynamoDBSessionTable(client, tableName, 'pk')
  })

  it('leaves items of another kind out of listings', async () => {
    const { client, tableName } = await newTable(endpoint)
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    const others = [
      { sessionId: { S: '#waxseal/index' }, record: { B: Buffer.from('x') } },
      { sessionId: { S: 'of-the-app' }, colour: { S: 'red' } },
      { sessionId: { S: 'malformed' }, record: { B: Buffer.from('x') }, version: { N: '2' } },
    ]
    for (const Item of others) await client.send(new PutItemCommand({ TableName: tableName, Item }))
    expect((await table.list(undefined, signal)).rows).toEqual([])
  })

  it.each([
    ['no expiry', {}],
    ['a negative expiry', { expiresAt: { N: '-1' } }],
    ['a huge expiry', { expiresAt: { N: '1e30' } }],
    ['a broken expiry', { expiresAt: { N: '1.5' } }],
    ['an expiry as a string', { expiresAt: { S: '1999999999999' } }],
    ['another version', { version: { N: '3' } }],
    ['the record as a string', { record: { S: 'ws2.' } }],
  ])('refuses an item with %s as malformed', async (_, change) => {
    const { client, tableName } = await newTable(endpoint)
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    const Item = {
      sessionId: { S: 'row' },
      record: { B: Buffer.from('x') },
      version: { N: '2' },
      revision: { N: '1' },
      kid: { S: 'k' },
      ...change,
    }
    await client.send(new PutItemCommand({ TableName: tableName, Item }))
    await expect(table.get('row', signal)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_RECORD_MALFORMED' })
  })
})
