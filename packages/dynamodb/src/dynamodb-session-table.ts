import {
  type AttributeValue,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  ScanCommand,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import type { RowPage, SessionRow, SessionTable, StopSignal, WriteOutcome } from '@waxseal/session'
import { backOff } from './back-off.ts'
import { asLowLevel, type DynamoDBClientLike } from './client.ts'
import { toStoreError } from './errors.ts'
import { checkPartitionKey, fromItem, type Item, maxRecordBytes, toItem, toTtl } from './item.ts'
import { MiddlewareChains } from './middleware-chains.ts'

/** DynamoDB's limit for one BatchWriteItem. */
const BATCH_SIZE = 25

/** {@link SessionTable} on DynamoDB: strongly consistent reads, one conditional call per write. */
export class DynamoDBSessionTable implements SessionTable {
  readonly maxRecordBytes: number
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #partitionKey: string
  readonly #getChains = new MiddlewareChains()
  readonly #putChains = new MiddlewareChains()

  constructor(client: DynamoDBClientLike, tableName: string, partitionKey: string) {
    checkPartitionKey(partitionKey)
    this.#client = asLowLevel(client)
    this.#tableName = tableName
    this.#partitionKey = partitionKey
    this.maxRecordBytes = maxRecordBytes(partitionKey)
  }

  get(key: string, signal: StopSignal): Promise<SessionRow | undefined> {
    return this.#call(async () => {
      const command = new GetItemCommand({ TableName: this.#tableName, Key: this.#key(key), ConsistentRead: true })
      const { Item } = await this.#client.send(this.#getChains.lendTo(command), { abortSignal: signal })
      return Item && fromItem(Item, this.#partitionKey)
    })
  }

  insert(row: SessionRow, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#put(row, signal, {
      ConditionExpression: 'attribute_not_exists(expiresAt) OR expiresAt <= :now',
      ExpressionAttributeValues: { ':now': number(now) },
    })
  }

  update(row: SessionRow, revision: number, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#put(row, signal, {
      ConditionExpression: 'revision = :revision AND expiresAt > :now',
      ExpressionAttributeValues: { ':revision': number(revision), ':now': number(now) },
    })
  }

  extend(key: string, expiresAt: number, now: number, signal: StopSignal): Promise<boolean> {
    return this.#call(async () => {
      const command = new UpdateItemCommand({
        TableName: this.#tableName,
        Key: this.#key(key),
        UpdateExpression: 'SET expiresAt = :expiresAt, #ttl = :ttl',
        // Only a live row, only forward: without a condition an update creates the row of a destroyed session anew.
        ConditionExpression: 'expiresAt > :now AND expiresAt < :expiresAt',
        // `ttl` is a reserved word. The other names are not, and are spared the detour: it costs 7 % of a call.
        ExpressionAttributeNames: { '#ttl': 'ttl' },
        ExpressionAttributeValues: {
          ':expiresAt': number(expiresAt),
          ':ttl': number(toTtl(expiresAt)),
          ':now': number(now),
        },
      })
      try {
        await this.#client.send(command, { abortSignal: signal })
        return true
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false
        throw error
      }
    })
  }

  delete(key: string, signal: StopSignal): Promise<void> {
    return this.#call(async () => {
      const command = new DeleteItemCommand({ TableName: this.#tableName, Key: this.#key(key) })
      await this.#client.send(command, { abortSignal: signal })
    })
  }

  deleteMany(keys: readonly string[], signal: StopSignal): Promise<void> {
    return this.#call(async () => {
      for (let start = 0; start < keys.length; start += BATCH_SIZE) {
        const requests = keys
          .slice(start, start + BATCH_SIZE)
          .map((key) => ({ DeleteRequest: { Key: this.#key(key) } }))
        await this.#writeBatch(requests, signal)
      }
    })
  }

  list(page: unknown, signal: StopSignal): Promise<RowPage> {
    return this.#call(async () => {
      const command = new ScanCommand({
        TableName: this.#tableName,
        ConsistentRead: true,
        ExclusiveStartKey: page as Item | undefined,
      })
      const { Items = [], LastEvaluatedKey } = await this.#client.send(command, { abortSignal: signal })
      return { rows: Items.flatMap((item) => this.#rowOf(item)), next: LastEvaluatedKey }
    })
  }

  async #writeBatch(requests: WriteRequest[], signal: StopSignal): Promise<void> {
    let pending = requests
    for (let attempt = 0; pending.length > 0; attempt++) {
      // DynamoDB hands back what it had no capacity for; the SDK does not retry it.
      if (attempt > 0) await backOff(attempt)
      if (signal.aborted) return
      const command = new BatchWriteItemCommand({ RequestItems: { [this.#tableName]: pending } })
      const { UnprocessedItems } = await this.#client.send(command, { abortSignal: signal })
      // Under whatever name: a table may be named by its ARN.
      pending = Object.values(UnprocessedItems ?? {}).flat()
    }
  }

  #put(
    row: SessionRow,
    signal: StopSignal,
    condition: Pick<PutItemCommandInput, 'ConditionExpression' | 'ExpressionAttributeValues'>,
  ): Promise<WriteOutcome> {
    return this.#call(async () => {
      const command = new PutItemCommand({
        TableName: this.#tableName,
        Item: toItem(row, this.#partitionKey),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        ...condition,
      })
      try {
        await this.#client.send(this.#putChains.lendTo(command), { abortSignal: signal })
        return { written: true }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
        // Not every DynamoDB-compatible server returns the row that stood in the way.
        if (error.Item === undefined) return { written: false, current: await this.get(row.key, signal) }
        return { written: false, current: fromItem(error.Item, this.#partitionKey) }
      }
    })
  }

  #key(key: string): Record<string, AttributeValue> {
    return { [this.#partitionKey]: { S: key } }
  }

  /** Leaves out what is no session of this layout: items of the app's own, and our index items, whose keys have a `#`. */
  #rowOf(item: Item): SessionRow[] {
    if (item[this.#partitionKey]?.S?.startsWith('#') || item.record === undefined) return []
    try {
      return [fromItem(item, this.#partitionKey)]
    } catch {
      return []
    }
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw toStoreError(error, this.#tableName, this.#partitionKey)
    }
  }
}

function number(value: number): AttributeValue {
  return { N: String(value) }
}
