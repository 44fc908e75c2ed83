/** Names of tables and attributes come out of configuration: they are names and never part of an expression. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import { clientConfig } from '@waxseal/engines'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { createSessionTable, DynamoDBSessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  it.each([
    ...['revision', 'kid'].map((name) => `${name} `),
    ...['id OR attribute_exists(kid)', ':now', '#ttl', ':expiresAt', 'a.b[0]', 'TTL', 'select', 'size(record)'],
    ...["'; DROP TABLE x; --", '"', '\\', ' ', '\u{1f511}', 'constructor', 'x'.repeat(255)],
  ])('a partition key named %j serves every operation', async (partitionKey) => {
    const { client, tableName } = await newTable(endpoint, partitionKey)
    const clock = fakeClock()
    const store = new DynamoDBSessionStore({ client, tableName, partitionKey, envelope, clock, ttlSeconds: 100 })
    await store.set('ada', { n: 1 })
    const loaded = await store.get<{ n: number }>('ada')
    loaded!.n = 2
    expect(await store.set('ada', loaded!)).toBe(true)
    clock.advanceSeconds(90)
    await store.touch('ada', loaded!)
    await store.set('eve', { n: 3 })
    clock.advanceSeconds(20)
    expect(await store.get('ada')).toEqual({ n: 2 })
    expect((await store.ids()).sort()).toEqual(['ada', 'eve'])
    await store.destroy('eve')
    expect(await store.length()).toBe(1)
    await store.clear()
    expect(await store.get('ada')).toBe(null)
  })

  it.each([
    'no',
    'a b',
    '../sessions',
    'sessions; --',
    'sessions"',
    '__proto__ ',
    'x'.repeat(256),
    '\0',
    '\u00e9'.repeat(3),
  ])('a table named %j is refused with an error of ours', async (tableName) => {
    const client = new DynamoDBClient({ ...clientConfig(endpoint), maxAttempts: 1 })
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    const calls = [
      () => store.get('id'),
      () => store.set('id', {}),
      () => store.destroy('id'),
      () => store.clear(),
      () => createSessionTable({ client, tableName }),
    ]
    for (const call of calls) await expect(call()).rejects.toBeInstanceOf(WaxsealError)
  })
})
