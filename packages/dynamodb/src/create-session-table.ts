import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ResourceInUseException,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import { asLowLevel, type DynamoDBClientLike } from './client.ts'
import { toStoreError } from './errors.ts'
import { checkPartitionKey } from './item.ts'

/** Options of {@link createSessionTable}. */
export interface CreateSessionTableOptions {
  readonly client: DynamoDBClientLike
  readonly tableName: string
  /** Default `sessionId`. */
  readonly partitionKey?: string
  /** Continuous backups. Default `false`: sessions are short-lived. */
  readonly pointInTimeRecovery?: boolean
  /** Default `false`. */
  readonly deletionProtection?: boolean
}

/** What {@link createSessionTable} found and did. */
export interface CreatedSessionTable {
  /** `false` when the table was there already and fits. */
  readonly created: boolean
  /** `unsupported` by some emulators; expired rows then stay in the table, unread. */
  readonly timeToLive: 'enabled' | 'unsupported'
  readonly tableArn: string
}

/**
 * Creates the sessions table and waits until it can be used: on-demand billing, one string partition key, DynamoDB's
 * time to live on `ttl`. Meant for set-up scripts and tests; a store never creates or describes anything. Calling it
 * for a table that exists checks the key and turns time to live on.
 *
 * Errors: `ERR_WAXSEAL_TABLE_INVALID` when a table of that name has another key, `_CONFIG`, `_STORE_UNAVAILABLE`.
 *
 * @example
 * const { tableArn } = await createSessionTable({ client, tableName: 'sessions' })
 * console.log(JSON.stringify(sessionTablePolicy(tableArn), null, 2))
 */
export async function createSessionTable(options: CreateSessionTableOptions): Promise<CreatedSessionTable> {
  const { tableName, partitionKey = 'sessionId' } = options
  checkPartitionKey(partitionKey)
  const client = asLowLevel(options.client)
  try {
    const created = await create(client, options, partitionKey)
    await waitUntilTableExists({ client, maxWaitTime: 300, minDelay: 0.05, maxDelay: 5 }, { TableName: tableName })
    const { Table: table = {} } = await client.send(new DescribeTableCommand({ TableName: tableName }))
    checkKey(table, tableName, partitionKey)
    const timeToLive = await enableTimeToLive(client, tableName)
    if (options.pointInTimeRecovery) await enablePointInTimeRecovery(client, tableName)
    return { created, timeToLive, tableArn: table.TableArn ?? '' }
  } catch (error) {
    throw toStoreError(error, tableName, partitionKey)
  }
}

async function create(
  client: DynamoDBClient,
  { tableName, deletionProtection }: CreateSessionTableOptions,
  partitionKey: string,
): Promise<boolean> {
  const command = new CreateTableCommand({
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: partitionKey, AttributeType: 'S' }],
    KeySchema: [{ AttributeName: partitionKey, KeyType: 'HASH' }],
    ...(deletionProtection && { DeletionProtectionEnabled: true }),
  })
  try {
    await client.send(command)
    return true
  } catch (error) {
    if (error instanceof ResourceInUseException) return false
    throw error
  }
}

function checkKey(table: TableDescription, tableName: string, partitionKey: string): void {
  const [key, ...others] = table.KeySchema ?? []
  const type = table.AttributeDefinitions?.find(({ AttributeName }) => AttributeName === partitionKey)?.AttributeType
  if (key?.AttributeName === partitionKey && type === 'S' && others.length === 0) return
  const wanted = `one string partition key named ${JSON.stringify(partitionKey)} and no sort key`
  const remedy = 'choose another table name, or set partitionKey'
  const message = `The table ${JSON.stringify(tableName)} exists with another key; it must have ${wanted}: ${remedy}`
  throw new WaxsealError('ERR_WAXSEAL_TABLE_INVALID', message)
}

async function enableTimeToLive(client: DynamoDBClient, tableName: string): Promise<'enabled' | 'unsupported'> {
  const name = { TableName: tableName }
  try {
    const { TimeToLiveDescription: current } = await client.send(new DescribeTimeToLiveCommand(name))
    if (current?.AttributeName === 'ttl' && /^ENABL/.test(current.TimeToLiveStatus ?? '')) return 'enabled'
    if (current?.AttributeName !== undefined && current.AttributeName !== 'ttl') {
      const message = `The table ${JSON.stringify(tableName)} has its time to live on ${JSON.stringify(current.AttributeName)}: turn that off first`
      throw new WaxsealError('ERR_WAXSEAL_TABLE_INVALID', message)
    }
    const TimeToLiveSpecification = { AttributeName: 'ttl', Enabled: true }
    await client.send(new UpdateTimeToLiveCommand({ ...name, TimeToLiveSpecification }))
    return 'enabled'
  } catch (error) {
    if (error instanceof Error && error.name === 'UnknownOperationException') return 'unsupported'
    throw error
  }
}

async function enablePointInTimeRecovery(client: DynamoDBClient, tableName: string): Promise<void> {
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true }
  await client.send(new UpdateContinuousBackupsCommand({ TableName: tableName, PointInTimeRecoverySpecification }))
}
