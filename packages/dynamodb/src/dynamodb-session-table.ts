import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import type {
  RowChoice,
  RowPage,
  RowVersion,
  SessionRow,
  SessionTable,
  StopSignal,
  TablePart,
  Version1Table,
  WriteOutcome,
} from '@waxseal/session'
import { backOff } from './back-off.ts'
import type { DynamoDBClientLike } from './client.ts'
import { CoalescedReads } from './coalesced-reads.ts'
import { CoalescedWrites, type Written } from './coalesced-writes.ts'
import { fromItem, maxRecordBytes, rowsOf, toItem, toTtl } from './item.ts'
import { MiddlewareChains } from './middleware-chains.ts'
import { number, TableConnection } from './table-connection.ts'
import { UserIndex } from './user-index.ts'
import { DynamoDBVersion1Table } from './version1-table.ts'

/** DynamoDB's limit for one BatchWriteItem. */
const BATCH_SIZE = 25

/** Rows in a page of one user's. */
const PAGE_SIZE = 100

const readsAreDenied =
  'AWS denies dynamodb:BatchGetItem: concurrent reads go one by one, at several times the CPU time. ' +
  'sessionTablePolicy() gives the statement to allow; or set batchReads: false'

const writesAreDenied =
  'AWS denies dynamodb:PartiQLUpdate: concurrent writes go one by one. ' +
  'sessionTablePolicy(arn, { batchWrites: true }) gives the statement to allow; or take batchWrites away'

/** Options of {@link DynamoDBSessionTable}. */
export interface DynamoDBSessionTableOptions {
  /** As in {@link SessionStoreConfig}. */
  readonly batchReads?: boolean | undefined
  /** As in {@link SessionStoreConfig}. */
  readonly batchWrites?: boolean | undefined
  /** Told when the table goes on without an action that its role is denied; `message` says what to do. */
  readonly onDegraded?: ((operation: string, message: string) => void) | undefined
}

/**
 * {@link SessionTable} on DynamoDB: strongly consistent reads, one conditional call per write, and two more where a row
 * becomes a user's.
 */
export class DynamoDBSessionTable implements SessionTable {
  readonly maxRecordBytes: number
  readonly version1: Version1Table
  readonly #connection: TableConnection
  readonly #reads: CoalescedReads | undefined
  readonly #writes: CoalescedWrites | undefined
  readonly #users: UserIndex
  readonly #putChains = new MiddlewareChains()

  constructor(
    client: DynamoDBClientLike,
    tableName: string,
    partitionKey: string,
    { batchReads = true, batchWrites = false, onDegraded = () => {} }: DynamoDBSessionTableOptions = {},
  ) {
    this.#connection = new TableConnection(client, tableName, partitionKey)
    this.maxRecordBytes = maxRecordBytes(partitionKey)
    this.version1 = new DynamoDBVersion1Table(this.#connection)
    if (batchReads) this.#reads = new CoalescedReads(this.#connection, () => onDegraded('get', readsAreDenied))
    this.#users = new UserIndex(this.#connection, this.#reads ?? this.#connection)
    if (batchWrites) this.#writes = new CoalescedWrites(this.#connection, () => onDegraded('set', writesAreDenied))
  }

  get(key: string, signal: StopSignal): Promise<SessionRow | undefined> {
    const connection = this.#connection
    return connection.run(async () => {
      const item = await (this.#reads ?? connection).get(key, signal)
      return item && fromItem(item, connection.partitionKey)
    })
  }

  insert(row: SessionRow, now: number, signal: StopSignal): Promise<WriteOutcome> {
    return this.#write(row, undefined, now, signal, {
      ConditionExpression: 'attribute_not_exists(expiresAt) OR expiresAt <= :now',
      ExpressionAttributeValues: { ':now': number(now) },
    })
  }

  update(row: SessionRow, over: RowVersion, now: number, signal: StopSignal): Promise<WriteOutcome> {
    const condition = {
      ConditionExpression: 'revision = :revision AND expiresAt > :now',
      ExpressionAttributeValues: { ':revision': number(over.revision), ':now': number(now) },
    }
    const writes = this.#writes
    if (writes === undefined || row.userTag !== over.userTag) {
      return this.#write(row, over.userTag, now, signal, condition)
    }
    const single = (own: StopSignal) => this.#put(row, own, condition)
    return this.#outcomeOf(row.key, () => writes.update(row, over, now, single, signal), signal)
  }

  extend(key: string, expiresAt: number, over: RowVersion, now: number, signal: StopSignal): Promise<boolean> {
    return this.#connection.run(async () => {
      const single = (own: StopSignal) => this.#extend(key, expiresAt, over, now, own)
      const writes = this.#writes
      const { written } = await (writes ? writes.extend(key, expiresAt, over, now, single, signal) : single(signal))
      return written
    })
  }

  delete(key: string, signal: StopSignal): Promise<void> {
    return this.#connection.run(() => this.#connection.delete(key, signal))
  }

  deleteMany(keys: readonly string[], signal: StopSignal): Promise<void> {
    return this.#connection.run(async () => {
      for (let start = 0; start < keys.length; start += BATCH_SIZE) {
        const requests = keys
          .slice(start, start + BATCH_SIZE)
          .map((key) => ({ DeleteRequest: { Key: this.#connection.key(key) } }))
        await this.#writeBatch(requests, signal)
      }
    })
  }

  list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage> {
    const { partitionKey } = this.#connection
    return this.#connection.run(async () => {
      const { items, next } = await this.#connection.scan(page, signal, part)
      return { rows: rowsOf(items, partitionKey), next }
    })
  }

  listUser(userTag: string, page: unknown, signal: StopSignal): Promise<RowPage> {
    return this.#connection.run(async () => {
      const keys: readonly string[] = Array.isArray(page) ? page : await this.#users.keys(userTag, signal)
      const items = await this.#users.items(keys.slice(0, PAGE_SIZE), signal)
      const rows = rowsOf(items, this.#connection.partitionKey).filter((row) => row.userTag === userTag)
      return { rows, next: keys.length > PAGE_SIZE ? keys.slice(PAGE_SIZE) : undefined }
    })
  }

  deleteUser(userTag: string, which: RowChoice, now: number, signal: StopSignal): Promise<number> {
    return this.#connection.run(() => this.#users.remove(userTag, which, now, signal))
  }

  async #writeBatch(requests: WriteRequest[], signal: StopSignal): Promise<void> {
    let pending = requests
    for (let attempt = 0; pending.length > 0; attempt++) {
      // DynamoDB hands back what it had no capacity for; the SDK does not retry it.
      if (attempt > 0) await backOff(attempt)
      if (signal.aborted) return
      const command = new BatchWriteItemCommand({ RequestItems: { [this.#connection.tableName]: pending } })
      const { UnprocessedItems } = await this.#connection.client.send(command, { abortSignal: signal })
      // Under whatever name: a table may be named by its ARN.
      pending = Object.values(UnprocessedItems ?? {}).flat()
    }
  }

  /** `was`: the tag of the row that it is to go over. */
  #write(
    row: SessionRow,
    was: string | undefined,
    now: number,
    signal: StopSignal,
    condition: PutCondition,
  ): Promise<WriteOutcome> {
    const put = () => this.#outcomeOf(row.key, () => this.#put(row, signal, condition), signal)
    const { userTag } = row
    if (userTag === undefined || userTag === was) return put()
    return this.#connection.run(() => this.#users.write(row, userTag, now, signal, put))
  }

  #outcomeOf(key: string, write: () => Promise<Written>, signal: StopSignal): Promise<WriteOutcome> {
    return this.#connection.run(async () => {
      const outcome = await write()
      if (outcome.written) return outcome
      // Not every DynamoDB-compatible server returns the row that stood in the way.
      const item = outcome.item ?? (await (this.#reads ?? this.#connection).get(key, signal))
      return { written: false, current: item && fromItem(item, this.#connection.partitionKey) }
    })
  }

  #put(row: SessionRow, signal: StopSignal, condition: PutCondition): Promise<Written> {
    const command = new PutItemCommand({
      TableName: this.#connection.tableName,
      Item: toItem(row, this.#connection.partitionKey),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ...condition,
    })
    return conditional(() => this.#connection.client.send(this.#putChains.lendTo(command), { abortSignal: signal }))
  }

  #extend(key: string, expiresAt: number, over: RowVersion, now: number, signal: StopSignal): Promise<Written> {
    const command = new UpdateItemCommand({
      TableName: this.#connection.tableName,
      Key: this.#connection.key(key),
      UpdateExpression: 'SET expiresAt = :expiresAt, #ttl = :ttl',
      // Only a live row, only forward: without a condition an update creates the row of a destroyed session anew.
      ConditionExpression: 'revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt',
      // `ttl` is a reserved word. The other names are not, and are spared the detour: it costs 7 % of a call.
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: {
        ':expiresAt': number(expiresAt),
        ':ttl': number(toTtl(expiresAt)),
        ':revision': number(over.revision),
        ':now': number(now),
      },
    })
    return conditional(() => this.#connection.client.send(command, { abortSignal: signal }))
  }
}

type PutCondition = Pick<PutItemCommandInput, 'ConditionExpression' | 'ExpressionAttributeValues'>

async function conditional(send: () => Promise<unknown>): Promise<Written> {
  try {
    await send()
    return { written: true }
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return { written: false, item: error.Item }
    throw error
  }
}
