/** Options that the store and the set-up of its table refuse before any call, and a life that is no whole number. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { createSessionTable, DynamoDBSessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

const refusal = { code: 'ERR_WAXSEAL_ARGUMENT' }

describe('refused', () => {
  it.each(['record', 'ttl', 'expiresAt', 'version', 'revision', 'kid', '', 7])('partitionKey %j', async (name) => {
    const client = new DynamoDBClient({ region: 'eu-west-1' })
    const mock = mockClient(client)
    const options = { client, tableName: 'T', partitionKey: name as string }
    expect(() => new DynamoDBSessionStore({ ...options, envelope })).toThrow(expect.objectContaining(refusal))
    await expect(createSessionTable(options)).rejects.toMatchObject(refusal)
    expect(mock.calls()).toEqual([])
  })

  it.each(['ttlSeconds', 'maxLifetimeSeconds'])('%s beyond what a row can say', (name) => {
    const client = new DynamoDBClient({ region: 'eu-west-1' })
    const options = { client, tableName: 'T', envelope, [name]: Number.MAX_SAFE_INTEGER }
    expect(() => new DynamoDBSessionStore(options)).toThrow(expect.objectContaining(refusal))
  })
})

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  it.each([86_400 / 7, 3_155_760_000])('a session of %d seconds is stored and read', async (seconds) => {
    const { client, tableName } = await newTable(endpoint)
    const lives = { ttlSeconds: seconds, maxLifetimeSeconds: 3_155_760_000 }
    const store = new DynamoDBSessionStore({ client, tableName, envelope, ...lives })
    await store.set('id', { user: 'ada' })
    expect(await store.get('id')).toEqual({ user: 'ada' })
  })
})
