/** The exact calls: what a reviewer of IAM policies, bills and consistency would want to see. */
import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { createSessionTable, DynamoDBSessionStore, sessionTablePolicy } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
const clock = fakeClock(1_800_000_000_000)
const session = (user: string) => ({ user, cookie: { originalMaxAge: null, expires: null } })
const names = () => mock.calls().map(({ args: [command] }) => command.constructor.name)
const inputs = () => mock.calls().map(({ args: [command] }) => command.input as Record<string, unknown>)

beforeEach(() => {
  mock.reset()
})

function newStore() {
  return new DynamoDBSessionStore({ client, tableName: 'T', partitionKey: 'pk', envelope, clock })
}

/** A row as the store itself writes it. */
async function storedItem(id: string) {
  mock.on(PutItemCommand).resolves({})
  await newStore().set(id, session('ada'))
  const item = inputs()[0]!.Item as Record<string, never> & { revision: { N: string } }
  mock.reset()
  return item
}

/** The revision so many writes later. */
function later({ revision }: { revision: { N: string } }, writes: number) {
  return { N: String(Number(revision.N) + writes) }
}

describe('calls of the store', () => {
  it('construction makes none', () => {
    newStore()
    expect(names()).toEqual([])
  })

  it('get: one strongly consistent GetItem by the hashed id', async () => {
    mock.on(GetItemCommand).resolves({})
    await newStore().get('id')
    expect(inputs()).toEqual([{ TableName: 'T', Key: { pk: { S: sessionKey('id') } }, ConsistentRead: true }])
    expect(JSON.stringify(inputs())).not.toContain('"id"')
  })

  it('set of a new session: one PutItem where there is none, or an expired one', async () => {
    mock.on(PutItemCommand).resolves({})
    await newStore().set('id', session('ada'))
    expect(inputs()).toMatchObject([
      {
        TableName: 'T',
        ConditionExpression: 'attribute_not_exists(expiresAt) OR expiresAt <= :now',
        ExpressionAttributeValues: { ':now': { N: '1800000000000' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        Item: {
          ttl: { N: '1800604800' },
          version: { N: '2' },
          revision: { N: expect.stringMatching(/^[1-9]\d{6,15}$/) },
        },
      },
    ])
  })

  it('set of a loaded session: one PutItem at the revision that was read', async () => {
    const Item = await storedItem('id')
    mock.on(GetItemCommand).resolves({ Item })
    mock.on(PutItemCommand).resolves({})
    const store = newStore()
    const loaded = await store.get<{ user: string }>('id')
    loaded!.user = 'grace'
    await store.set('id', loaded!)
    expect(names()).toEqual(['GetItemCommand', 'PutItemCommand'])
    expect(inputs()[1]).toMatchObject({
      ConditionExpression: 'revision = :revision AND expiresAt > :now',
      ExpressionAttributeValues: { ':revision': Item.revision, ':now': { N: '1800000000000' } },
      Item: { revision: later(Item, 1) },
    })
  })

  it('a conflict whose row the server returns costs no further read', async () => {
    const Item = await storedItem('id')
    mock.on(GetItemCommand).resolves({ Item })
    const failure = new ConditionalCheckFailedException({
      message: 'The conditional request failed',
      $metadata: {},
      Item: { ...Item, revision: later(Item, 4) } as never,
    })
    mock.on(PutItemCommand).rejectsOnce(failure).resolves({})
    const store = newStore()
    const loaded = await store.get<{ user: string }>('id')
    loaded!.user = 'grace'
    expect(await store.set('id', loaded!)).toBe(true)
    expect(names()).toEqual(['GetItemCommand', 'PutItemCommand', 'PutItemCommand'])
    expect(inputs()[2]).toMatchObject({
      ExpressionAttributeValues: { ':revision': later(Item, 4) },
      Item: { revision: later(Item, 5) },
    })
  })

  it('touch: one UpdateItem of a live row, forward only, of expiry and ttl alone', async () => {
    const Item = await storedItem('id')
    mock.on(GetItemCommand).resolves({ Item })
    mock.on(UpdateItemCommand).resolves({})
    const store = newStore()
    const loaded = await store.get('id')
    await store.touch('id', loaded!)
    expect(names()).toEqual(['GetItemCommand'])
    clock.advanceSeconds(3600)
    await store.touch('id', loaded!)
    clock.setNow(1_800_000_000_000)
    expect(inputs()[1]).toEqual({
      TableName: 'T',
      Key: { pk: { S: sessionKey('id') } },
      UpdateExpression: 'SET expiresAt = :expiresAt, #ttl = :ttl',
      ConditionExpression: 'revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: {
        ':expiresAt': { N: '1800608400000' },
        ':ttl': { N: '1800608400' },
        ':revision': Item.revision,
        ':now': { N: '1800003600000' },
      },
    })
  })

  it('destroy: one unconditional DeleteItem', async () => {
    mock.on(DeleteItemCommand).resolves({})
    await newStore().destroy('id')
    expect(inputs()).toEqual([{ TableName: 'T', Key: { pk: { S: sessionKey('id') } } }])
  })

  it('clear: what DynamoDB leaves unprocessed is sent again until nothing is left', async () => {
    const item = (id: string) => ({ pk: { S: id }, record: { B: Buffer.from('x') }, kid: { S: 'k' } })
    const numbers = { version: { N: '2' }, revision: { N: '1' }, expiresAt: { N: '1' } }
    const Items = Array.from({ length: 30 }, (_, index) => ({ ...item(`row-${index}`), ...numbers }))
    mock.on(ScanCommand).resolves({ Items })
    const left = [{ DeleteRequest: { Key: { pk: { S: 'row-3' } } } }]
    mock
      .on(BatchWriteItemCommand)
      .resolvesOnce({ UnprocessedItems: { T: left } })
      .resolvesOnce({ UnprocessedItems: {} })
      .resolves({})
    await newStore().clear()
    expect(names()).toEqual(['ScanCommand', ...Array(3).fill('BatchWriteItemCommand')])
    const batches = mock.commandCalls(BatchWriteItemCommand).map(({ args }) => args[0].input.RequestItems!.T!)
    expect(batches.map((batch) => batch.length)).toEqual([25, 1, 5])
    expect(batches[1]).toEqual(left)
    expect(mock.commandCalls(ScanCommand)[0]!.args[0].input).toMatchObject({ ConsistentRead: true })
  })
})

describe('set-up', () => {
  it('creates the table on demand, with time to live, recovery and protection as asked', async () => {
    const TableArn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/T'
    const Table = {
      TableStatus: 'ACTIVE' as const,
      TableArn,
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' as const }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' as const }],
    }
    mock.on(CreateTableCommand).resolves({})
    mock.on(DescribeTableCommand).resolves({ Table })
    mock.on(DescribeTimeToLiveCommand).resolves({ TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } })
    mock.on(UpdateTimeToLiveCommand).resolves({})
    mock.on(UpdateContinuousBackupsCommand).resolves({})
    const options = { pointInTimeRecovery: true, deletionProtection: true }
    expect(await createSessionTable({ client, tableName: 'T', partitionKey: 'pk', ...options })).toEqual({
      created: true,
      timeToLive: 'enabled',
      tableArn: TableArn,
    })
    expect(mock.commandCalls(CreateTableCommand)[0]!.args[0].input).toEqual({
      TableName: 'T',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Table.AttributeDefinitions,
      KeySchema: Table.KeySchema,
      DeletionProtectionEnabled: true,
    })
    expect(mock.commandCalls(UpdateTimeToLiveCommand)[0]!.args[0].input).toEqual({
      TableName: 'T',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    })
    expect(mock.commandCalls(UpdateContinuousBackupsCommand)).toHaveLength(1)
  })

  it('the policy allows the calls of the store on its table, and nothing else', () => {
    const { Statement } = sessionTablePolicy('arn:of:the:table')
    expect(Statement.map(({ Resource }) => Resource)).toEqual(['arn:of:the:table', 'arn:of:the:table'])
    const actions = Statement.flatMap(({ Action }) => Action)
    expect(actions.some((action) => action.includes('*'))).toBe(false)
    const withWrites = sessionTablePolicy('arn:of:the:table', { batchWrites: true }).Statement
    const more = withWrites.flatMap(({ Action }) => Action).filter((action) => !actions.includes(action))
    expect(more).toEqual(['dynamodb:PartiQLUpdate'])
  })
})
