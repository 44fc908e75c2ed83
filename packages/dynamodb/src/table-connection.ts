import {
  type AttributeValue,
  BatchGetItemCommand,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  GetItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import type { StopSignal, TablePart } from '@waxseal/session'
import { asLowLevel, type DynamoDBClientLike } from './client.ts'
import { toStoreError } from './errors.ts'
import { checkPartitionKey, type Item } from './item.ts'
import { MiddlewareChains } from './middleware-chains.ts'

/** One table through one client, for whatever layout of items: its calls, and what their errors mean. */
export class TableConnection {
  readonly client: DynamoDBClient
  readonly tableName: string
  readonly partitionKey: string
  readonly #getChains = new MiddlewareChains()
  readonly #getManyChains = new MiddlewareChains()

  constructor(client: DynamoDBClientLike, tableName: string, partitionKey: string) {
    checkPartitionKey(partitionKey)
    this.client = asLowLevel(client)
    this.tableName = tableName
    this.partitionKey = partitionKey
  }

  key(value: string): Record<string, AttributeValue> {
    return { [this.partitionKey]: { S: value } }
  }

  /** `action`: names the IAM action in the error, where a role may well lack that one alone. */
  async run<T>(task: () => Promise<T>, action?: string): Promise<T> {
    try {
      return await task()
    } catch (error) {
      throw toStoreError(error, this.tableName, this.partitionKey, action)
    }
  }

  async get(key: string, signal: StopSignal): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.tableName, Key: this.key(key), ConsistentRead: true })
    const { Item } = await this.client.send(this.#getChains.lendTo(command), { abortSignal: signal })
    return Item
  }

  /** Of keys that are neither in `items` nor `unprocessed` there is no item. */
  async getMany(
    keys: readonly string[],
    signal: StopSignal,
  ): Promise<{ items: ReadonlyMap<string | undefined, Item>; unprocessed: ReadonlySet<string | undefined> }> {
    const Keys = keys.map((key) => this.key(key))
    const command = new BatchGetItemCommand({ RequestItems: { [this.tableName]: { Keys, ConsistentRead: true } } })
    const call = this.client.send(this.#getManyChains.lendTo(command), { abortSignal: signal })
    const { Responses = {}, UnprocessedKeys = {} } = await call
    const keyOf = (item: Item) => item[this.partitionKey]?.S
    // Under whatever name: a table may be named by its ARN.
    const items = Object.values(Responses).flat()
    const unprocessed = Object.values(UnprocessedKeys).flatMap(({ Keys = [] }) => Keys)
    return { items: new Map(items.map((item) => [keyOf(item), item])), unprocessed: new Set(unprocessed.map(keyOf)) }
  }

  async delete(
    key: string,
    signal: StopSignal,
    condition: Pick<
      DeleteItemCommandInput,
      | 'ConditionExpression'
      | 'ExpressionAttributeNames'
      | 'ExpressionAttributeValues'
      | 'ReturnValuesOnConditionCheckFailure'
    > = {},
  ): Promise<void> {
    const command = new DeleteItemCommand({ TableName: this.tableName, Key: this.key(key), ...condition })
    await this.client.send(command, { abortSignal: signal })
  }

  async scan(
    page: unknown,
    signal: StopSignal,
    part: TablePart | undefined,
  ): Promise<{ items: Item[]; next: Item | undefined }> {
    const command = new ScanCommand({
      TableName: this.tableName,
      ConsistentRead: true,
      ExclusiveStartKey: page as Item | undefined,
      ...(part !== undefined && { Segment: part.index, TotalSegments: part.count }),
    })
    const { Items = [], LastEvaluatedKey } = await this.client.send(command, { abortSignal: signal })
    return { items: Items, next: LastEvaluatedKey }
  }
}

export function number(value: number): AttributeValue {
  return { N: String(value) }
}
