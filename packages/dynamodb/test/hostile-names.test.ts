/** Names of tables and attributes come out of configuration: they are names and never part of an expression. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import { clientConfig } from '@waxseal/engines'
import { envelope, expectEveryOperation, hostileNames } from '@waxseal/suite'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { createSessionTable, DynamoDBSessionStore } from '../src/index.ts'
import { newTable } from './support/tables.ts'

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  it.each([
    ...['revision', 'kid'].map((name) => `${name} `),
    ...['id OR attribute_exists(kid)', ':now', '#ttl', ':expiresAt', 'TTL', 'size(record)', 'x'.repeat(255)],
    ...hostileNames,
  ])('a partition key named %j serves every operation', async (partitionKey) => {
    const { client, tableName } = await newTable(endpoint, partitionKey)
    await expectEveryOperation((options) => new DynamoDBSessionStore({ client, tableName, partitionKey, ...options }))
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
