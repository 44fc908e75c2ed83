/** A role without dynamodb:BatchGetItem, and the pruning of a user's index, over a database that throttles. */
import {
  type AttributeValue,
  BatchGetItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { sessionKey } from '@waxseal/session'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
const items = new Map<string, Record<string, AttributeValue>>()

const add = (all: Set<string>, some: string[]) => {
  for (const one of some) all.add(one)
}
const remove = (all: Set<string>, some: string[]) => {
  for (const one of some) all.delete(one)
}

/** As much of a table as logins of one user need. */
beforeEach(() => {
  mock.reset()
  items.clear()
  const conditionFailed = () => Object.assign(new Error('failed'), { name: 'ConditionalCheckFailedException' })
  mock.on(GetItemCommand).callsFake(({ Key }) => ({ Item: structuredClone(items.get(Key.pk.S)) }))
  mock.on(PutItemCommand).callsFake(({ Item }) => void items.set(Item.pk.S, Item))
  mock.on(UpdateItemCommand).callsFake(({ Key, UpdateExpression, ExpressionAttributeValues: values }) => {
    const item: Record<string, AttributeValue> = items.get(Key.pk.S) ?? { pk: Key.pk }
    const set = (name: string, change: (all: Set<string>) => void) => {
      const all = new Set<string>(item[name]?.SS ?? [])
      change(all)
      if (all.size > 0) item[name] = { SS: [...all] }
      else delete item[name]
    }
    const some: string[] = (values[':entry'] ?? values[':some']).SS
    if (UpdateExpression.includes('ADD #entries')) set('entries', (all) => add(all, some))
    if (UpdateExpression.includes('DELETE #entries')) set('entries', (all) => remove(all, some))
    if (UpdateExpression.includes('ADD #leaving')) set('leaving', (all) => add(all, some))
    if (UpdateExpression.startsWith('DELETE') && UpdateExpression.includes(', #leaving :some'))
      set('leaving', (all) => remove(all, some))
    if (values[':ttl']) item.ttl = values[':ttl']
    items.set(Key.pk.S, item)
  })
  mock.on(DeleteItemCommand).callsFake(({ Key, ExpressionAttributeValues: values }) => {
    const item = items.get(Key.pk.S)
    if (values && item?.userTag?.S !== values[':tag'].S) throw conditionFailed()
    items.delete(Key.pk.S)
    return { Attributes: item }
  })
})

describe('a role without dynamodb:BatchGetItem', () => {
  beforeEach(() => {
    const denied = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' })
    mock.on(BatchGetItemCommand).rejects(denied)
  })

  it.each([true, false])('lists a user’s sessions and signs them out, with batchReads: %s', async (batchReads) => {
    const options = { client, tableName: 'T', partitionKey: 'pk', envelope, batchReads }
    const store = new DynamoDBSessionStore({ ...options, userId: ({ user }) => user as string })
    await store.set('one', { user: 'ada' })
    await store.set('two', { user: 'ada' })
    expect(await store.get('one')).toMatchObject({ user: 'ada' })
    expect(await store.destroyAllOf('ada')).toBe(2)
    expect(await store.get('one')).toBe(null)
  })
})

it('what a login prunes in the background ends, however long the database throttles', async () => {
  mock.on(BatchGetItemCommand).callsFake(({ RequestItems }) => ({ UnprocessedKeys: RequestItems }))
  const table = new DynamoDBSessionTable(client, 'T', 'pk')
  const now = Date.now()
  const signal = { aborted: false, onabort: null }
  const login = (name: string, at: number, key = sessionKey(name)) =>
    table.insert(
      {
        key,
        record: Buffer.from(key),
        expiresAt: now + 1e7,
        revision: 1,
        kid: 'k',
        userTag: 'ada',
        absoluteExpiresAt: now + 1e7,
      },
      at,
      signal,
    )
  for (let i = 0; i < 25; i++) await login(`old-${i}`, now - 3_600_000)
  await Promise.all(Array.from({ length: 20 }, (_, i) => login(`new-${i}`, now)))
  // Nobody waits for the answer any more: pruning has two seconds of its own.
  await new Promise((resolve) => setTimeout(resolve, 4000))
  const calls = mock.commandCalls(BatchGetItemCommand).length
  expect(calls).toBeGreaterThan(0)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  expect(mock.commandCalls(BatchGetItemCommand).length - calls).toBe(0)
})
