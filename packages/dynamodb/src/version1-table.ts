import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type KeysAndAttributes,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import type {
  BothVersions,
  LoadedItem,
  PutOutcome,
  Removal,
  RowPage,
  SessionRow,
  StopSignal,
  TablePart,
  Version1Table,
} from '@waxseal/session'
import { backOff } from './back-off.ts'
import { fromItem, type Item, MAX_ITEM_BYTES, rowsOf } from './item.ts'
import { number, type TableConnection } from './table-connection.ts'
import { fromVersion1Item, isVersion1Item, itemsOf, toVersion1Item } from './version1-item.ts'

// The id, twice and of 2,048 bytes at most, and the wrapped key with its 1,400 characters or so, rounded up.
const OTHER_ATTRIBUTES_BYTES = 8192

/** Names that DynamoDB may reserve. */
const names = { '#version': 'version', '#record': 'record' }
const isVersion1 = '#version = :one AND attribute_not_exists(#record)'

/** {@link Version1Table} on DynamoDB: items under the session id itself, in the table of the rows. */
export class DynamoDBVersion1Table implements Version1Table {
  /** Base64 makes four characters of three bytes. */
  readonly maxPlaintextBytes: number = Math.floor(((MAX_ITEM_BYTES - OTHER_ATTRIBUTES_BYTES) * 3) / 4)
  readonly #connection: TableConnection

  constructor(connection: TableConnection) {
    this.#connection = connection
  }

  get(key: string, id: string, signal: StopSignal): Promise<BothVersions> {
    const { partitionKey } = this.#connection
    const task = async () => {
      const items = await this.#getItems([key, id], signal)
      const under = (value: string) => items.find((item) => item[partitionKey]?.S === value)
      const [first, second] = [under(key), under(id)]
      const item = second && isVersion1Item(second) ? second : undefined
      // Beside a row, an item that is malformed is none: whoever can write the table must not hide the row with it.
      if (first !== undefined) {
        return { row: fromItem(first, partitionKey), item: itemsOf(item ? [item] : [], partitionKey)[0] }
      }
      return { row: undefined, item: item && fromVersion1Item(item, partitionKey) }
    }
    return this.#connection.run(task, 'dynamodb:BatchGetItem')
  }

  put(record: EncryptedSessionRecord, loaded: LoadedItem | undefined, signal: StopSignal): Promise<PutOutcome> {
    const { client, tableName, partitionKey } = this.#connection
    return this.#connection.run(async () => {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: toVersion1Item(record, partitionKey),
        ReturnValues: 'ALL_OLD',
        ...(loaded === undefined ? notOverARow : overLoaded(loaded)),
      })
      try {
        const { Attributes } = await client.send(command, { abortSignal: signal })
        return { written: true, replaced: Attributes?.authTag?.S }
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { written: false }
        throw error
      }
    })
  }

  extend(id: string, ttl: number, now: number, signal: StopSignal): Promise<boolean> {
    const { client, tableName } = this.#connection
    return this.#connection.run(async () => {
      const command = new UpdateItemCommand({
        TableName: tableName,
        Key: this.#connection.key(id),
        UpdateExpression: 'SET #ttl = :ttl',
        ConditionExpression: `${isVersion1} AND #ttl > :now AND #ttl < :ttl`,
        ExpressionAttributeNames: { ...names, '#ttl': 'ttl' },
        ExpressionAttributeValues: { ':one': number(1), ':ttl': number(ttl), ':now': wholeSeconds(now) },
      })
      try {
        await client.send(command, { abortSignal: signal })
        return true
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false
        throw error
      }
    })
  }

  remove(id: string, authTag: string | undefined, signal: StopSignal): Promise<Removal> {
    return this.#connection.run(async () => {
      try {
        await this.#connection.delete(id, signal, {
          ConditionExpression: authTag === undefined ? isVersion1 : `${isVersion1} AND authTag = :authTag`,
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: {
            ':one': number(1),
            ...(authTag !== undefined && { ':authTag': { S: authTag } }),
          },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        })
        return 'removed'
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
        // Without a tag, what stood in the way is no item of version 1. Not every DynamoDB-compatible server returns it.
        const item = authTag === undefined ? undefined : (error.Item ?? (await this.#connection.get(id, signal)))
        if (item !== undefined && isVersion1Item(item)) return 'changed'
        return (error.$metadata.attempts ?? 1) > 1 ? 'unknown' : 'absent'
      }
    })
  }

  removeRow({ key, record }: Pick<SessionRow, 'key' | 'record'>, signal: StopSignal): Promise<void> {
    return this.#connection.run(async () => {
      try {
        await this.#connection.delete(key, signal, {
          ConditionExpression: '#record = :record',
          ExpressionAttributeNames: { '#record': 'record' },
          ExpressionAttributeValues: { ':record': { B: record } },
        })
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
      }
    })
  }

  list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage> {
    const { partitionKey } = this.#connection
    return this.#connection.run(async () => {
      const { items, next } = await this.#connection.scan(page, signal, part)
      return { rows: rowsOf(items, partitionKey), version1: itemsOf(items, partitionKey), next }
    })
  }

  async #getItems(keys: readonly string[], signal: StopSignal): Promise<Item[]> {
    const { client, tableName } = this.#connection
    const found: Item[] = []
    const all = { Keys: keys.map((key) => this.#connection.key(key)), ConsistentRead: true }
    let pending: Record<string, KeysAndAttributes> = { [tableName]: all }
    for (let attempt = 0; Object.keys(pending).length > 0; attempt++) {
      // DynamoDB hands back what it had no capacity for; the SDK does not retry it, and it must not read as "not there".
      if (attempt > 0) await backOff(attempt)
      if (signal.aborted) throw new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'The read took too long')
      const command = new BatchGetItemCommand({ RequestItems: pending })
      const { Responses = {}, UnprocessedKeys = {} } = await client.send(command, { abortSignal: signal })
      // Under whatever name: a table may be named by its ARN.
      found.push(...Object.values(Responses).flat())
      pending = UnprocessedKeys
    }
    return found
  }
}

const notOverARow = {
  ConditionExpression: 'attribute_not_exists(#record)',
  ExpressionAttributeNames: { '#record': 'record' },
}

function overLoaded({ aliveAt, authTag }: LoadedItem): Partial<PutItemCommand['input']> {
  const alive = `${isVersion1} AND #ttl > :now`
  return {
    ConditionExpression: authTag === undefined ? alive : `${alive} AND authTag = :authTag`,
    ExpressionAttributeNames: { ...names, '#ttl': 'ttl' },
    ExpressionAttributeValues: {
      ':one': number(1),
      ':now': wholeSeconds(aliveAt),
      ...(authTag !== undefined && { ':authTag': { S: authTag } }),
    },
  }
}

/** An item is alive as long as its `ttl` is a greater number. */
function wholeSeconds(now: number) {
  return number(Math.floor(now / 1000))
}
