/** The exact calls of version 1: what a reviewer of consistency, IAM policies and races would want to see. */
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { Envelope } from '@waxseal/core'
import { type ConflictPolicy, sessionKey, type Version1Options } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { DynamoDBSessionStore, sessionTablePolicy } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { eventually, sessionOf } from './support/version1.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
const clock = fakeClock(1_800_000_000_500)
const names = () => mock.calls().map(({ args: [command] }) => command.constructor.name)
const inputs = () => mock.calls().map(({ args: [command] }) => command.input as unknown as Record<string, unknown>)
const isVersion1 = '#version = :one AND attribute_not_exists(#record)'
const acceptUntil = new Date(1_900_000_000_000)

/** Version 1 without a KMS: what is encrypted stands in the item as it is. */
const plain: Envelope = {
  ...envelope,
  sealJson: envelope.sealJson,
  with: (context) => envelope.with(context),
  sealVersion1: async (plaintext) => ({
    encryptedData: String(plaintext),
    encryptedKey: 'key',
    iv: 'iv',
    authTag: 'new tag',
  }),
  openVersion1: async ({ encryptedData }) => Buffer.from(encryptedData),
}

const item = {
  pk: { S: 'id' },
  sessionId: { S: 'id' },
  encryptedData: { S: JSON.stringify(sessionOf('ada')) },
  encryptedKey: { S: 'key' },
  iv: { S: 'iv' },
  authTag: { S: 'tag' },
  ttl: { N: '1800600000' },
  version: { N: '1' },
}

function newStore(version1: Version1Options = { acceptUntil }, conflict: ConflictPolicy = 'merge') {
  const names = { tableName: 'T', partitionKey: 'pk' }
  return new DynamoDBSessionStore({ client, ...names, envelope: plain, clock, version1, conflict })
}

function refused(attempts = 1) {
  return new ConditionalCheckFailedException({ message: 'refused', $metadata: { attempts } })
}

beforeEach(() => {
  mock.reset()
})

describe('reading', () => {
  it('one strongly consistent BatchGetItem of the hashed and the raw key', async () => {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [] } })
    expect(await newStore().get('id')).toBe(null)
    const Keys = [{ pk: { S: sessionKey('id') } }, { pk: { S: 'id' } }]
    expect(inputs()).toEqual([{ RequestItems: { T: { Keys, ConsistentRead: true } } }])
  })

  it('what DynamoDB leaves unprocessed is asked for again, and is not taken for missing', async () => {
    const Keys = [{ pk: { S: 'id' } }]
    const left = { T: { Keys, ConsistentRead: true } }
    mock
      .on(BatchGetItemCommand)
      .resolvesOnce({ Responses: {}, UnprocessedKeys: left })
      .resolvesOnce({ Responses: { T: [] }, UnprocessedKeys: left })
      .resolves({ Responses: { 'arn:of:T': [item] } })
    const store = newStore({ write: true })
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    expect(names()).toEqual(Array(3).fill('BatchGetItemCommand'))
    expect(inputs()[2]).toEqual({ RequestItems: left })
  })

  it('what stays unprocessed ends with the time-out', async () => {
    const left = { T: { Keys: [{ pk: { S: 'id' } }], ConsistentRead: true } }
    mock.on(BatchGetItemCommand).resolves({ UnprocessedKeys: left })
    const options = { client, tableName: 'T', envelope: plain, version1: { acceptUntil } }
    const store = new DynamoDBSessionStore({ ...options, timeoutMilliseconds: 200 })
    await expect(store.get('id')).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    const calls = names().length
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(names().length).toBe(calls)
  })

  it('a role without dynamodb:BatchGetItem is told which action it lacks', async () => {
    const denied = {
      name: 'AccessDeniedException',
      $fault: 'client',
      message: 'not authorized',
      $metadata: {},
    } as const
    mock.on(BatchGetItemCommand).rejects(new DynamoDBServiceException(denied))
    await expect(newStore().get('id')).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_CONFIG',
      message: expect.stringMatching(/dynamodb:BatchGetItem.*sessionTablePolicy/),
    })
  })

  it('every action that it takes is in the policy', () => {
    const actions = sessionTablePolicy('arn').Statement.flatMap(({ Action }) => Action)
    const used = ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Scan', 'BatchWriteItem']
    expect(actions.sort()).toEqual(used.map((action) => `dynamodb:${action}`).sort())
  })

  it('an item under a key of another name need not repeat the id, but must not name another one', async () => {
    const { sessionId: _, ...without } = item
    const store = newStore({ write: true })
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [without] } })
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [{ ...item, sessionId: { S: 'other' } }] } })
    expect(await store.get('id')).toBe(null)
  })
})

describe('upgrading', () => {
  async function upgrade(remove: () => void) {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [item] } })
    mock.on(PutItemCommand).resolves({})
    mock.on(GetItemCommand).resolves({})
    remove()
    const store = newStore()
    await store.get('id')
    await eventually(() => names().includes('DeleteItemCommand'))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }

  it('inserts the row where there is none, sees the item beside it, then removes the very one that was read', async () => {
    await upgrade(() => mock.on(DeleteItemCommand).resolves({}))
    expect(names()).toEqual(['BatchGetItemCommand', 'PutItemCommand', 'BatchGetItemCommand', 'DeleteItemCommand'])
    expect(inputs()[2]).toEqual(inputs()[0])
    expect(inputs()[1]).toMatchObject({
      ConditionExpression: 'attribute_not_exists(expiresAt) OR expiresAt <= :now',
      Item: {
        pk: { S: sessionKey('id') },
        expiresAt: { N: '1800600000000' },
        revision: { N: expect.stringMatching(/^\d+$/) },
        version: { N: '2' },
      },
    })
    expect(inputs()[3]).toEqual({
      TableName: 'T',
      Key: { pk: { S: 'id' } },
      ConditionExpression: `${isVersion1} AND authTag = :authTag`,
      ExpressionAttributeNames: { '#version': 'version', '#record': 'record' },
      ExpressionAttributeValues: { ':one': { N: '1' }, ':authTag': { S: 'tag' } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })
  })

  it('an item that is gone: the row goes too, whatever has become of it', async () => {
    await upgrade(() => mock.on(DeleteItemCommand).rejectsOnce(refused()).resolves({}))
    expect(inputs().at(-1)).toEqual({ TableName: 'T', Key: { pk: { S: sessionKey('id') } } })
  })

  it('an item that has been written anew: the row that was inserted goes, if it is still that one', async () => {
    const failure = Object.assign(refused(), { Item: { ...item, authTag: { S: 'another' } } })
    await upgrade(() => mock.on(DeleteItemCommand).rejectsOnce(failure).resolves({}))
    const { record } = inputs()[1]!.Item as { record: { B: Uint8Array } }
    expect(inputs().at(-1)).toEqual({
      TableName: 'T',
      Key: { pk: { S: sessionKey('id') } },
      ConditionExpression: '#record = :record',
      ExpressionAttributeNames: { '#record': 'record' },
      ExpressionAttributeValues: { ':record': record },
    })
  })

  it('an item that is gone after an attempt of the SDK whose answer was lost: the row stays', async () => {
    await upgrade(() => mock.on(DeleteItemCommand).rejects(refused(2)))
    expect(names().filter((name) => name === 'DeleteItemCommand')).toHaveLength(1)
  })

  it('a server that returns what stood in the way is not asked again', async () => {
    const failure = Object.assign(refused(), { Item: { ...item, authTag: { S: 'another' } } })
    await upgrade(() => mock.on(DeleteItemCommand).rejectsOnce(failure).resolves({}))
    expect(names()).not.toContain('GetItemCommand')
  })
})

describe('destroying', () => {
  it('the item first, and only one of version 1; then the row', async () => {
    mock.on(DeleteItemCommand).resolves({})
    await newStore().destroy('id')
    expect(inputs()).toMatchObject([
      { Key: { pk: { S: 'id' } }, ConditionExpression: isVersion1 },
      { TableName: 'T', Key: { pk: { S: sessionKey('id') } } },
    ])
    expect(inputs()[1]).not.toHaveProperty('ConditionExpression')
  })

  it('asks nobody what stood in the way of the removal: no item of version 1, whatever it was', async () => {
    mock.on(DeleteItemCommand).rejectsOnce(refused()).resolves({})
    await newStore().destroy('id')
    expect(names()).toEqual(['DeleteItemCommand', 'DeleteItemCommand'])
  })
})

describe('writing', () => {
  const names = { '#version': 'version', '#record': 'record', '#ttl': 'ttl' }

  it('a new item goes over no row of version 2', async () => {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [] } })
    mock.on(PutItemCommand).resolves({})
    await newStore({ write: true }).set('id', sessionOf('ada'))
    expect(inputs()[1]).toEqual({
      TableName: 'T',
      Item: { ...item, authTag: { S: 'new tag' }, ttl: { N: '1800604801' } },
      ConditionExpression: 'attribute_not_exists(#record)',
      ExpressionAttributeNames: { '#record': 'record' },
      ReturnValues: 'ALL_OLD',
    })
  })

  it('a loaded one goes over a live item of version 1, and no other', async () => {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [item] } })
    mock.on(PutItemCommand).resolves({ Attributes: item })
    const store = newStore({ write: true })
    const session = await store.get('id')
    await store.set('id', Object.assign(session!, { n: 1 }))
    expect(inputs()[1]).toMatchObject({
      ConditionExpression: `${isVersion1} AND #ttl > :now AND authTag = :authTag`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':one': { N: '1' }, ':now': { N: '1800000000' }, ':authTag': { S: 'tag' } },
    })
  })

  it('a loaded one goes over any live item of version 1 where the last write wins', async () => {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [item] } })
    mock.on(PutItemCommand).resolves({ Attributes: item })
    const store = newStore({ write: true }, 'lastWriteWins')
    const session = await store.get('id')
    await store.set('id', Object.assign(session!, { n: 1 }))
    expect(inputs()[1]).toMatchObject({ ConditionExpression: `${isVersion1} AND #ttl > :now` })
  })

  it('a touch moves ttl of a live item of version 1, forward only', async () => {
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [item] } })
    mock.on(UpdateItemCommand).resolves({})
    const store = newStore({ write: true })
    const session = await store.get('id')
    await store.touch('id', session!)
    expect(inputs()[1]).toEqual({
      TableName: 'T',
      Key: { pk: { S: 'id' } },
      UpdateExpression: 'SET #ttl = :ttl',
      ConditionExpression: `${isVersion1} AND #ttl > :now AND #ttl < :ttl`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':one': { N: '1' }, ':ttl': { N: '1800604801' }, ':now': { N: '1800000000' } },
    })
  })
})
