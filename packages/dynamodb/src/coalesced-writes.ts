import { type AttributeValue, BatchExecuteStatementCommand } from '@aws-sdk/client-dynamodb'
import { type Batch, Batches, type RowVersion, type SessionRow, type StopSignal } from '@waxseal/session'
import { Denial } from './denial.ts'
import { type Item, toItem, toTtl } from './item.ts'
import { MiddlewareChains } from './middleware-chains.ts'
import { number, type TableConnection } from './table-connection.ts'

/** DynamoDB's limit for one BatchExecuteStatement. */
const BATCH_SIZE = 25

/** What became of a conditional write; `item` is what stood in its way, where the server says. */
export type Written = { readonly written: true } | { readonly written: false; readonly item: Item | undefined }

interface Write {
  readonly key: string
  readonly statement: string
  readonly parameters: AttributeValue[]
  /** The same write by a call of its own. */
  readonly single: (signal: StopSignal) => Promise<Written>
}

/**
 * Conditional writes of one turn of the event loop in few calls, as PartiQL statements of which each succeeds or fails by
 * itself. A write that is alone, and any that fails by something else than its condition, is sent singly.
 */
export class CoalescedWrites {
  readonly #connection: TableConnection
  readonly #denial: Denial
  readonly #chains = new MiddlewareChains()
  readonly #batches = new Batches<Write, Written>({ most: BATCH_SIZE }, (batch) => this.#send(batch))
  #isUnsupported = false

  /** `onDenied` is called once, when the role turns out to lack dynamodb:PartiQLUpdate. */
  constructor(connection: TableConnection, onDenied: () => void) {
    this.#connection = connection
    this.#denial = new Denial(onDenied)
  }

  /** Replaces the row if it is at `over` and alive at `now`. Rejects with what the SDK throws. */
  update(
    row: SessionRow,
    over: RowVersion,
    now: number,
    single: (signal: StopSignal) => Promise<Written>,
    signal: StopSignal,
  ): Promise<Written> {
    const { [this.#connection.partitionKey]: _, ...attributes } = toItem(row, this.#connection.partitionKey)
    const conditions = { '"revision"=?': number(over.revision), '"expiresAt">?': number(now) }
    return this.#batches.add(this.#write(row.key, attributes, conditions, single), signal)
  }

  /** Moves the expiry of a row that is at `over` and alive at `now`, forward only. Rejects with what the SDK throws. */
  extend(
    key: string,
    expiresAt: number,
    over: RowVersion,
    now: number,
    single: (signal: StopSignal) => Promise<Written>,
    signal: StopSignal,
  ): Promise<Written> {
    const attributes = { expiresAt: number(expiresAt), ttl: number(toTtl(expiresAt)) }
    const conditions = {
      '"revision"=?': number(over.revision),
      '"expiresAt">?': number(now),
      '"expiresAt"<?': number(expiresAt),
    }
    return this.#batches.add(this.#write(key, attributes, conditions, single), signal)
  }

  #write(key: string, attributes: Item, conditions: Item, single: Write['single']): Write {
    const { tableName, partitionKey } = this.#connection
    const sets = Object.keys(attributes).map((name) => `SET ${quoted(name)}=?`)
    const where = [`${quoted(partitionKey)}=?`, ...Object.keys(conditions)].join(' AND ')
    return {
      key,
      statement: `UPDATE ${quoted(tableName)} ${sets.join(' ')} WHERE ${where}`,
      parameters: [...Object.values(attributes), { S: key }, ...Object.values(conditions)],
      single,
    }
  }

  async #send(batch: Batch<Write, Written>): Promise<void> {
    const hasKeyTwice = new Set(batch.waiting.map(({ request }) => request.key)).size < batch.size
    if (batch.size === 1 || hasKeyTwice || this.#isUnsupported || this.#denial.isRecent) return sendSingly(batch)
    try {
      await this.#sendTogether(batch)
    } catch (error) {
      const name = error instanceof Error ? error.name : ''
      if (name === 'AccessDeniedException') this.#denial.note()
      // Not every DynamoDB-compatible server knows PartiQL.
      else if (name === 'UnknownOperationException') this.#isUnsupported = true
      // What is wrong may be one write of these alone; sent singly it fails by itself.
      else if (name !== 'ValidationException') throw error
      sendSingly(batch)
    }
  }

  async #sendTogether(batch: Batch<Write, Written>): Promise<void> {
    const sent = batch.waiting
    const Statements = sent.map(({ request: { statement, parameters } }) => ({
      Statement: statement,
      Parameters: parameters,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    }))
    const command = this.#chains.lendTo(new BatchExecuteStatementCommand({ Statements }))
    const { Responses = [] } = await this.#connection.client.send(command, { abortSignal: batch.signal })
    for (const [i, { resolve }] of sent.entries()) {
      const response = Responses[i]
      // An error counts as one without a code too: a save that is lost must not be answered as written.
      const error = response?.Error
      if (response !== undefined && error === undefined) resolve({ written: true })
      if (error?.Code === 'ConditionalCheckFailed') resolve({ written: false, item: error.Item })
      if (error?.Code === 'AccessDenied') this.#denial.note()
    }
    // Throttled, denied and so on: by a call of their own the SDK repeats them or says what is wrong.
    sendSingly(batch)
  }
}

function sendSingly(batch: Batch<Write, Written>): void {
  batch.singly(({ single }, signal) => single(signal))
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
