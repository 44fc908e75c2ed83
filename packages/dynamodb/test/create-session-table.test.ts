/** What createSessionTable makes of a table that exists already. */
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceInUseException,
  type TimeToLiveDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { createSessionTable } from '../src/index.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
beforeEach(() => {
  mock.reset()
})

type Key = readonly [name: string, role: 'HASH' | 'RANGE', type: 'S' | 'N']

function tableExists(keys: readonly Key[], timeToLive: TimeToLiveDescription = { TimeToLiveStatus: 'DISABLED' }) {
  mock.on(CreateTableCommand).rejects(new ResourceInUseException({ message: '', $metadata: {} }))
  mock.on(DescribeTableCommand).resolves({
    Table: {
      TableStatus: 'ACTIVE',
      KeySchema: keys.map(([AttributeName, KeyType]) => ({ AttributeName, KeyType })),
      AttributeDefinitions: keys.map(([AttributeName, , AttributeType]) => ({ AttributeName, AttributeType })),
    },
  })
  mock.on(DescribeTimeToLiveCommand).resolves({ TimeToLiveDescription: timeToLive })
  mock.on(UpdateTimeToLiveCommand).resolves({})
}

const fitting: readonly Key[] = [['sessionId', 'HASH', 'S']]
const turnedOn = () => mock.commandCalls(UpdateTimeToLiveCommand).length

describe('the key of a table that exists', () => {
  it('is taken when it fits, and time to live is turned on', async () => {
    tableExists(fitting)
    expect(await createSessionTable({ client, tableName: 'T' })).toMatchObject({ created: false })
    expect(turnedOn()).toBe(1)
  })

  it.each<[string, readonly Key[]]>([
    ['of another name', [['id', 'HASH', 'S']]],
    ['a number', [['sessionId', 'HASH', 'N']]],
    ['followed by a sort key', [...fitting, ['sort', 'RANGE', 'S']]],
  ])('is refused when it is %s', async (_, keys) => {
    tableExists(keys)
    const refusal = { code: 'ERR_WAXSEAL_TABLE_INVALID', message: expect.stringContaining('partition key') }
    await expect(createSessionTable({ client, tableName: 'T' })).rejects.toMatchObject(refusal)
    expect(turnedOn()).toBe(0)
  })
})

describe('the time to live of a table that exists', () => {
  it.each(['ENABLED', 'ENABLING'] as const)(
    'is left alone when it is %s: a second change within the hour is refused',
    async (TimeToLiveStatus) => {
      tableExists(fitting, { AttributeName: 'ttl', TimeToLiveStatus })
      expect(await createSessionTable({ client, tableName: 'T' })).toMatchObject({ timeToLive: 'enabled' })
      expect(turnedOn()).toBe(0)
    },
  )

  it('is named as the fault when it is on another attribute', async () => {
    tableExists(fitting, { AttributeName: 'expires', TimeToLiveStatus: 'ENABLED' })
    const error = await createSessionTable({ client, tableName: 'T' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ERR_WAXSEAL_TABLE_INVALID',
      message: expect.stringMatching(/time to live on "expires"/),
    })
    expect((error as Error).message).not.toContain('partition key')
    expect(turnedOn()).toBe(0)
  })
})
