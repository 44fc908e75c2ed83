/** Which calls concurrent writes become with `batchWrites`, and who gets which answer. */
import {
  BatchExecuteStatementCommand,
  type BatchStatementErrorCodeEnum,
  type BatchStatementResponse,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { SessionRow, StopSignal } from '@waxseal/session'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
const messages: string[] = []

beforeEach(() => {
  mock.reset()
  messages.length = 0
  mock.on(PutItemCommand).resolves({})
  mock.on(UpdateItemCommand).resolves({})
})
afterEach(() => {
  vi.useRealTimers()
})

const newTable = () =>
  new DynamoDBSessionTable(client, 'T', 'p"k', {
    batchWrites: true,
    onDegraded: (operation, message) => messages.push(`${operation}: ${message}`),
  })
const newSignal = (): { aborted: boolean; onabort: StopSignal['onabort'] } => ({ aborted: false, onabort: null })
const names = () => mock.calls().map(({ args: [command] }) => command.constructor.name.replace('Command', ''))
const statements = (call = 0) => mock.commandCalls(BatchExecuteStatementCommand)[call]!.args[0].input.Statements!
const failure = (name: string) => Object.assign(new Error(name), { name })

const rowOf = (key: string, userTag?: string): SessionRow => ({
  key,
  record: Buffer.from(`record of ${key}`),
  expiresAt: 5001,
  revision: 3,
  kid: 'k',
  ...(userTag !== undefined && { userTag }),
})

const itemOf = (key: string) => ({
  'p"k': { S: key },
  record: { B: Buffer.from('another') },
  ttl: { N: '6' },
  expiresAt: { N: '5001' },
  version: { N: '2' },
  revision: { N: '7' },
  kid: { S: 'k' },
})

const update = (table: DynamoDBSessionTable, key: string, signal = newSignal()) =>
  table.update(rowOf(key), { revision: 2 }, 1000, signal)
const updates = (table: DynamoDBSessionTable, ...keys: string[]) =>
  Promise.allSettled(keys.map((key) => update(table, key)))

/** Answers one BatchExecuteStatement, by the keys of its statements: with these errors, otherwise with success. */
function answer(errors: Record<string, { Code: BatchStatementErrorCodeEnum; Item?: ReturnType<typeof itemOf> }> = {}) {
  mock.on(BatchExecuteStatementCommand).callsFake(({ Statements }): { Responses: BatchStatementResponse[] } => ({
    Responses: Statements.map(({ Parameters }: { Parameters: { S?: string }[] }) => {
      const failed = Object.entries(errors).find(([key]) => Parameters.some(({ S }) => S === key))?.[1]
      return { TableName: 'T', ...(failed && { Error: failed }) }
    }),
  }))
}

describe('writes of one tick', () => {
  it('that are alone are a PutItem or an UpdateItem', async () => {
    const table = newTable()
    expect(await update(table, 'a')).toEqual({ written: true })
    expect(await table.extend('b', 5001, { revision: 1 }, 1000, newSignal())).toBe(true)
    expect(names()).toEqual(['PutItem', 'UpdateItem'])
  })

  it('go together, each under the condition that it has alone', async () => {
    answer()
    const table = newTable()
    const extended = table.extend('b', 9001, { revision: 1 }, 1000, newSignal())
    const updated = table.update(rowOf('a', 'tag'), { revision: 2, userTag: 'tag' }, 1000, newSignal())
    expect([await updated, await extended]).toEqual([{ written: true }, true])
    expect(names()).toEqual(['BatchExecuteStatement'])
    expect(statements()).toEqual([
      {
        Statement:
          'UPDATE "T" SET "expiresAt"=? SET "ttl"=? ' +
          'WHERE "p""k"=? AND "revision"=? AND "expiresAt">? AND "expiresAt"<?',
        Parameters: [{ N: '9001' }, { N: '10' }, { S: 'b' }, { N: '1' }, { N: '1000' }, { N: '9001' }],
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
      {
        Statement:
          'UPDATE "T" SET "record"=? SET "ttl"=? SET "expiresAt"=? SET "version"=? SET "revision"=? SET "kid"=? ' +
          'SET "userTag"=? WHERE "p""k"=? AND "revision"=? AND "expiresAt">?',
        Parameters: [
          { B: Buffer.from('record of a') },
          ...[{ N: '6' }, { N: '5001' }, { N: '2' }, { N: '3' }, { S: 'k' }, { S: 'tag' }],
          ...[{ S: 'a' }, { N: '2' }, { N: '1000' }],
        ],
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ])
  })

  it('are at most 25 a call', async () => {
    answer()
    const outcomes = await updates(newTable(), ...Array.from({ length: 51 }, (_, i) => `key-${i}`))
    expect(outcomes).toEqual(Array(51).fill({ status: 'fulfilled', value: { written: true } }))
    expect(names()).toEqual(['BatchExecuteStatement', 'BatchExecuteStatement', 'PutItem'])
    expect([statements(0).length, statements(1).length]).toEqual([25, 25])
  })

  it('are singly where a row changes its user, is new, or is written twice', async () => {
    answer()
    const table = newTable()
    await Promise.all([update(table, 'a'), update(table, 'a')])
    await Promise.all(['b', 'c'].map((key) => table.insert(rowOf(key), 1000, newSignal())))
    await Promise.all(
      ['d', 'e'].map((key) => table.update(rowOf(key), { revision: 2, userTag: 'tag' }, 1000, newSignal())),
    )
    expect(names()).toEqual(Array(6).fill('PutItem'))
  })

  it('are singly by default', async () => {
    const table = new DynamoDBSessionTable(client, 'T', 'pk')
    await Promise.all([
      update(table, 'a'),
      update(table, 'b'),
      table.extend('c', 9001, { revision: 1 }, 1000, newSignal()),
    ])
    expect(names()).toEqual(['PutItem', 'PutItem', 'UpdateItem'])
  })
})

describe('a write whose condition fails', () => {
  it('has the row that stands in the way, read where the server does not say; the others are written', async () => {
    mock.on(GetItemCommand).resolves({ Item: { ...itemOf('b'), revision: { N: '8' } } })
    answer({ a: { Code: 'ConditionalCheckFailed', Item: itemOf('a') }, b: { Code: 'ConditionalCheckFailed' } })
    const outcomes = await updates(newTable(), 'a', 'b', 'c')
    expect(outcomes).toMatchObject([
      { value: { written: false, current: { key: 'a', revision: 7 } } },
      { value: { written: false, current: { key: 'b', revision: 8 } } },
      { value: { written: true } },
    ])
    expect(names()).toEqual(['BatchExecuteStatement', 'GetItem'])
  })

  it('is no touch', async () => {
    answer({ a: { Code: 'ConditionalCheckFailed' } })
    const table = newTable()
    const touched = ['a', 'b'].map((key) => table.extend(key, 9001, { revision: 1 }, 1000, newSignal()))
    expect(await Promise.all(touched)).toEqual([false, true])
    expect(names()).toEqual(['BatchExecuteStatement'])
  })

  it('and whose row is gone has none', async () => {
    mock.on(GetItemCommand).resolves({})
    answer({ a: { Code: 'ConditionalCheckFailed' } })
    expect(await updates(newTable(), 'a', 'b')).toMatchObject([{ value: { written: false } }, {}])
  })
})

describe('a write that fails otherwise', () => {
  it.each(['ThrottlingError', 'InternalServerError', 'ProvisionedThroughputExceeded'] as const)(
    '%s: is repeated by itself, where its own write of the first time is in the way',
    async (Code) => {
      answer({ a: { Code } })
      const Item = { ...itemOf('a'), record: { B: Buffer.from('record of a') } }
      mock.on(PutItemCommand).rejects(new ConditionalCheckFailedException({ message: '', $metadata: {}, Item }))
      const [a, b] = await updates(newTable(), 'a', 'b')
      expect(a).toMatchObject({ value: { written: false, current: { record: Buffer.from('record of a') } } })
      expect(b).toMatchObject({ value: { written: true } })
      expect(names()).toEqual(['BatchExecuteStatement', 'PutItem'])
    },
  )

  it('with the whole call is everybody’s error, and costs no further calls', async () => {
    mock.on(BatchExecuteStatementCommand).rejects(failure('ThrottlingException'))
    const outcomes = await updates(newTable(), 'a', 'b', 'c')
    expect(outcomes).toMatchObject(Array(3).fill({ reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' } }))
    expect(names()).toEqual(['BatchExecuteStatement'])
  })

  it('by an error without a code is no success: it is sent by itself', async () => {
    mock.on(BatchExecuteStatementCommand).resolves({ Responses: [{ Error: { Message: 'internal' } }, {}] })
    mock.on(PutItemCommand).rejects(failure('InternalServerError'))
    const [a, b] = await updates(newTable(), 'a', 'b')
    expect(a).toMatchObject({ reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' } })
    expect(b).toMatchObject({ value: { written: true } })
    expect(names()).toEqual(['BatchExecuteStatement', 'PutItem'])
  })

  it('without an answer of its own is sent by itself', async () => {
    mock.on(BatchExecuteStatementCommand).resolves({ Responses: [{ TableName: 'T' }] })
    expect(await updates(newTable(), 'a', 'b')).toMatchObject([{ value: { written: true } }, {}])
    expect(names()).toEqual(['BatchExecuteStatement', 'PutItem'])
  })
})

describe('where PartiQL cannot be used', () => {
  it('because one write is malformed: singly, and together again at the next time', async () => {
    answer()
    mock.on(BatchExecuteStatementCommand).rejectsOnce(failure('ValidationException'))
    const table = newTable()
    await updates(table, 'a', 'b')
    await updates(table, 'c', 'd')
    expect(names()).toEqual(['BatchExecuteStatement', 'PutItem', 'PutItem', 'BatchExecuteStatement'])
  })

  it('by an unknown operation: writes singly for good', async () => {
    mock.on(BatchExecuteStatementCommand).rejects(failure('UnknownOperationException'))
    const table = newTable()
    await updates(table, 'a', 'b')
    await updates(table, 'c', 'd')
    expect(names()).toEqual(['BatchExecuteStatement', ...Array(4).fill('PutItem')])
    expect(messages).toEqual([])
  })

  it.each(['call', 'statement'])(
    'a role that is denied a %s: singly, tried again after minutes, told once',
    async (of) => {
      vi.useFakeTimers({ toFake: ['performance'] })
      if (of === 'call') mock.on(BatchExecuteStatementCommand).rejects(failure('AccessDeniedException'))
      else answer({ a: { Code: 'AccessDenied' }, b: { Code: 'AccessDenied' } })
      const table = newTable()
      for (const milliseconds of [0, 1, 300_000]) {
        vi.advanceTimersByTime(milliseconds)
        expect(await updates(table, 'a', 'b')).toMatchObject(Array(2).fill({ value: { written: true } }))
      }
      const [together, singly] = ['BatchExecuteStatement', 'PutItem']
      expect(names()).toEqual([together, singly, singly, singly, singly, together, singly, singly])
      expect(messages).toEqual([expect.stringMatching(/^set: .*dynamodb:PartiQLUpdate/)])
    },
  )
})

describe('a writer that gives up', () => {
  it('is told at once; the others get their answer', async () => {
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    mock.on(BatchExecuteStatementCommand).callsFake(async () => {
      await released
      return { Responses: [{ TableName: 'T' }, { TableName: 'T' }] }
    })
    const table = newTable()
    const signal = newSignal()
    const [a, b] = [update(table, 'a', signal), update(table, 'b')]
    await vi.waitFor(() => expect(mock.calls()).toHaveLength(1))
    signal.aborted = true
    signal.onabort?.()
    await expect(a).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    release()
    expect(await b).toEqual({ written: true })
    expect(names()).toEqual(['BatchExecuteStatement'])
  })
})

describe('the option of the store', () => {
  it('reaches its table, and a denial its events', async () => {
    const stored = new Map<string, ReturnType<typeof itemOf>>()
    mock.on(PutItemCommand).callsFake(({ Item }) => {
      stored.set(Item.pk.S, Item)
      return {}
    })
    mock.on(GetItemCommand).callsFake(({ Key }) => ({ Item: stored.get(Key.pk.S) }))
    mock.on(BatchExecuteStatementCommand).rejects(failure('AccessDeniedException'))
    const options = { client, tableName: 'T', partitionKey: 'pk', envelope, batchReads: false, batchWrites: true }
    const store = new DynamoDBSessionStore(options)
    const events: unknown[] = []
    store.on('degraded', (event) => events.push(event))
    for (const id of ['a', 'b']) await store.set(id, { n: 1 })
    const sessions = await Promise.all(['a', 'b'].map((id) => store.get<{ n: number }>(id)))
    for (const session of sessions) session!.n = 2
    await Promise.all(['a', 'b'].map((id, i) => store.set(id, sessions[i]!)))
    const message = expect.stringContaining('dynamodb:PartiQLUpdate')
    expect(events).toEqual([{ type: 'degraded', level: 'warn', operation: 'set', message }])
  })
})
