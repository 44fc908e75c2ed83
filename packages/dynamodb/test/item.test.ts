/** The item of a session, as documented, and one of another layout. */
import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { sessionKey } from '@waxseal/session'
import { envelope, eventsOf, sessionOf } from '@waxseal/suite'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const Key = { sessionId: { S: sessionKey('id') } }

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  it('a session is exactly the documented item', async () => {
    const clock = fakeClock(1_800_000_000_123)
    const { client, tableName } = await newTable(endpoint)
    const store = new DynamoDBSessionStore({ client, tableName, envelope, clock })
    await store.set('id', sessionOf('ada'))
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))
    expect(Item).toEqual({
      ...Key,
      record: { B: expect.any(Uint8Array) },
      expiresAt: { N: String(1_800_000_000_123 + 604_800_000) },
      ttl: { N: String(Math.ceil((1_800_000_000_123 + 604_800_000) / 1000)) },
      version: { N: '2' },
      revision: { N: expect.stringMatching(/^[0-9]+$/) },
      kid: { S: envelope.inspect(Item?.record?.B ?? Buffer.alloc(0)).wrappedKeys[0]?.kid },
    })
  })

  it('an item of another version is no session, and stays', async () => {
    const { client, tableName } = await newTable(endpoint)
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    const unreadable = eventsOf(store, 'unreadable')
    await store.set('id', sessionOf('ada'))
    const change = { UpdateExpression: 'SET version = :version', ExpressionAttributeValues: { ':version': { N: '3' } } }
    await client.send(new UpdateItemCommand({ TableName: tableName, Key, ...change }))
    expect(await store.get('id')).toBe(null)
    expect(unreadable).toMatchObject([{ code: 'ERR_WAXSEAL_RECORD_MALFORMED' }])
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))
    expect(Item?.version).toEqual({ N: '3' })
  })
})
