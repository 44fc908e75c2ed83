/** Which calls concurrent reads become, and who gets which answer. */
import { BatchGetItemCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import type { StopSignal } from '@waxseal/session'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DynamoDBSessionStore, DynamoDBSessionTable, type DynamoDBSessionTableOptions } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)

beforeEach(() => {
  mock.reset()
})
afterEach(() => {
  vi.useRealTimers()
})

const newTable = (options: DynamoDBSessionTableOptions = {}) => new DynamoDBSessionTable(client, 'T', 'pk', options)
const newSignal = (): { aborted: boolean; onabort: StopSignal['onabort'] } => ({ aborted: false, onabort: null })
const keysUpTo = (count: number) => Array.from({ length: count }, (_, i) => `key-${i}`)

function itemOf(key: string) {
  const numbers = { version: { N: '2' }, revision: { N: '1' }, expiresAt: { N: '1' } }
  return { pk: { S: key }, record: { B: Buffer.from(`record of ${key}`) }, kid: { S: 'k' }, ...numbers }
}

function stop(signal: ReturnType<typeof newSignal>) {
  signal.aborted = true
  signal.onabort?.()
}

const failure = (name: string) => Object.assign(new Error(name), { name })

/** Answers as a table that holds every key except those that begin with `no`. */
function answerAll() {
  const there = (key: string) => !key.startsWith('no')
  mock.on(GetItemCommand).callsFake(({ Key }) => (there(Key.pk.S) ? { Item: itemOf(Key.pk.S) } : {}))
  mock.on(BatchGetItemCommand).callsFake(({ RequestItems }) => {
    const keys: string[] = RequestItems.T.Keys.map(({ pk }: { pk: { S: string } }) => pk.S)
    return { Responses: { T: keys.filter(there).reverse().map(itemOf) }, UnprocessedKeys: {} }
  })
}

/** The keys of each call since the last time, those of a BatchGetItem in a list. */
function takeCalls(): (string | string[])[] {
  const calls = mock.calls().map(({ args: [command] }) => {
    if (command instanceof GetItemCommand) return command.input.Key?.pk?.S ?? ''
    return (command as BatchGetItemCommand).input.RequestItems?.T?.Keys?.map(({ pk }) => pk?.S ?? '') ?? []
  })
  mock.resetHistory()
  return calls
}

/** What the first call would be stopped by. */
const signalOfCall = () => (mock.calls()[0]!.args as unknown as [object, { abortSignal: StopSignal }])[1].abortSignal

const read = (table: DynamoDBSessionTable, keys: readonly string[]) =>
  Promise.all(keys.map((key) => table.get(key, newSignal())))

describe('reads of one tick', () => {
  it('that are alone are a GetItem each', async () => {
    answerAll()
    const table = newTable()
    await read(table, ['a'])
    await read(table, ['b'])
    expect(takeCalls()).toEqual(['a', 'b'])
  })

  it('go together, strongly consistent, by nothing but their keys', async () => {
    answerAll()
    const rows = await read(newTable(), ['a', 'none', 'b'])
    expect(rows.map((row) => row?.key)).toEqual(['a', undefined, 'b'])
    expect(mock.calls().map(({ args: [command] }) => command.input)).toEqual([
      {
        RequestItems: {
          T: { Keys: [{ pk: { S: 'a' } }, { pk: { S: 'none' } }, { pk: { S: 'b' } }], ConsistentRead: true },
        },
      },
    ])
  })

  it('are 8 keys in the first call, at most 25 in others; what remains alone is a GetItem', async () => {
    answerAll()
    const keys = keysUpTo(84)
    const rows = await read(newTable(), keys)
    expect(rows.map((row) => row?.key)).toEqual(keys)
    const calls = takeCalls()
    expect(calls.map((call) => call.length)).toEqual([8, 25, 25, 25, 'key-83'.length])
    expect(calls.flat()).toEqual(keys)
  })

  it('of one key ask once, and give everybody a row of his own', async () => {
    answerAll()
    const [first, second] = await read(newTable(), ['a', 'a', 'b'])
    expect(takeCalls()).toEqual([['a', 'b']])
    second!.record.fill(0)
    expect(first).not.toBe(second)
    expect(Buffer.from(first!.record).toString()).toBe('record of a')
  })

  it('do not join a call that has been sent, which may be from before a write', async () => {
    answerAll()
    const table = newTable()
    const first = read(table, ['a', 'b'])
    await vi.waitFor(() => expect(mock.calls()).toHaveLength(1))
    await Promise.all([first, read(table, ['a', 'b'])])
    expect(takeCalls()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  it('are a GetItem each with batchReads: false', async () => {
    answerAll()
    await read(newTable({ batchReads: false }), ['a', 'b'])
    const store = new DynamoDBSessionStore({ client, tableName: 'T', partitionKey: 'pk', envelope, batchReads: false })
    await Promise.all([store.get('none'), store.get('neither')])
    expect(mock.commandCalls(GetItemCommand)).toHaveLength(4)
    expect(mock.commandCalls(BatchGetItemCommand)).toHaveLength(0)
  })
})

describe('what DynamoDB leaves unprocessed', () => {
  const left = (...keys: string[]) => ({
    UnprocessedKeys: { 'arn:T': { Keys: keys.map((key) => ({ pk: { S: key } })) } },
  })

  it('is asked for again, with pauses, and is not taken for missing; the others have their answer', async () => {
    mock
      .on(BatchGetItemCommand)
      .resolvesOnce({ Responses: { 'arn:T': [itemOf('a')] }, ...left('b', 'c') })
      .resolvesOnce({ Responses: {}, ...left('b') })
      .resolves({ Responses: { 'arn:T': [itemOf('b')] } })
    const begun = performance.now()
    const times = new Map<string, number>()
    const table = newTable()
    const rows = await Promise.all(
      ['a', 'b', 'c'].map(async (key) => {
        const row = await table.get(key, newSignal())
        times.set(key, performance.now() - begun)
        return row?.key
      }),
    )
    expect(rows).toEqual(['a', 'b', undefined])
    expect(takeCalls()).toEqual([['a', 'b', 'c'], ['b', 'c'], ['b']])
    expect(times.get('a')).toBeLessThan(24)
    expect(times.get('c')).toBeGreaterThan(24)
    expect(times.get('b')).toBeGreaterThan(70)
  })

  it('is asked for no more when those who wait for it have given up', async () => {
    mock.on(BatchGetItemCommand).callsFake(({ RequestItems }) => ({ UnprocessedKeys: RequestItems }))
    const table = newTable()
    const signals = [newSignal(), newSignal()]
    const reads = signals.map((signal, i) => table.get(`key-${i}`, signal))
    await vi.waitFor(() => expect(mock.calls().length).toBeGreaterThan(0))
    stop(signals[0]!)
    await expect(reads[0]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    takeCalls()
    await vi.waitFor(() => expect(takeCalls()).toEqual([['key-1']]))
    stop(signals[1]!)
    await expect(reads[1]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    takeCalls()
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(takeCalls()).toEqual([])
  })
})

describe('failures', () => {
  it('of one malformed item are its own reader’s', async () => {
    const { kid: _, ...malformed } = itemOf('a')
    mock.on(BatchGetItemCommand).resolves({ Responses: { T: [malformed, itemOf('b')] } })
    const table = newTable()
    const [a, b] = await Promise.allSettled(['a', 'b'].map((key) => table.get(key, newSignal())))
    expect(a).toMatchObject({ reason: { code: 'ERR_WAXSEAL_RECORD_MALFORMED' } })
    expect(b).toMatchObject({ value: { key: 'b' } })
  })

  it('of one bad key are its own reader’s: the keys are asked for singly', async () => {
    answerAll()
    mock.on(BatchGetItemCommand).rejects(failure('ValidationException'))
    mock.on(GetItemCommand, { Key: { pk: { S: '' } } }).rejects(failure('ValidationException'))
    const table = newTable()
    const [bad, good] = await Promise.allSettled(['', 'a'].map((key) => table.get(key, newSignal())))
    expect(bad).toMatchObject({ reason: { code: 'ERR_WAXSEAL_TABLE_INVALID' } })
    expect(good).toMatchObject({ value: { key: 'a' } })
    expect(takeCalls()).toEqual([['', 'a'], '', 'a'])
    await Promise.allSettled(['c', 'd'].map((key) => table.get(key, newSignal())))
    expect(takeCalls()[0]).toEqual(['c', 'd'])
  })

  it('of the whole call are everybody’s, and cost no further calls', async () => {
    mock.on(BatchGetItemCommand).rejects(failure('ThrottlingException'))
    const table = newTable()
    const outcomes = await Promise.allSettled(keysUpTo(20).map((key) => table.get(key, newSignal())))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true } })
    }
    expect(takeCalls()).toHaveLength(2)
  })

  it('of a client that throws are its reader’s, not the process’s', async () => {
    const throwing = new DynamoDBSessionTable({ config: client.config, send: () => fail() }, 'T', 'pk')
    const fail = () => {
      throw new Error('thrown')
    }
    const outcomes = await Promise.allSettled([throwing.get('a', newSignal())])
    outcomes.push(...(await Promise.allSettled(['a', 'b'].map((key) => throwing.get(key, newSignal())))))
    expect(outcomes).toMatchObject(Array(3).fill({ reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' } }))
  })
})

describe('a role without dynamodb:BatchGetItem', () => {
  beforeEach(() => {
    answerAll()
    mock.on(BatchGetItemCommand).rejects(failure('AccessDeniedException'))
  })

  it('reads singly, asks again after some minutes, and is told once', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const messages: string[] = []
    const table = newTable({ onDegraded: (operation, message) => messages.push(`${operation}: ${message}`) })
    expect((await read(table, ['a', 'b'])).map((row) => row?.key)).toEqual(['a', 'b'])
    expect(takeCalls()).toEqual([['a', 'b'], 'a', 'b'])
    await read(table, ['c', 'd'])
    expect(takeCalls()).toEqual(['c', 'd'])
    vi.advanceTimersByTime(301_000)
    await read(table, ['e', 'f'])
    expect(takeCalls()).toEqual([['e', 'f'], 'e', 'f'])
    expect(messages).toEqual([expect.stringMatching(/^get: .*dynamodb:BatchGetItem.*sessionTablePolicy/)])
  })

  it('goes back to batches once it is allowed', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const table = newTable()
    await read(table, ['a', 'b'])
    mock.reset()
    answerAll()
    vi.advanceTimersByTime(301_000)
    await read(table, ['c', 'd'])
    await read(table, ['e', 'f'])
    expect(takeCalls()).toEqual([
      ['c', 'd'],
      ['e', 'f'],
    ])
  })

  it('shows on the store as a `degraded` event, not as failures', async () => {
    const store = new DynamoDBSessionStore({ client, tableName: 'T', partitionKey: 'pk', envelope })
    const events: unknown[] = []
    for (const type of ['degraded', 'failed']) store.on(type, (event) => events.push(event))
    mock.on(GetItemCommand).resolves({})
    expect(await Promise.all([store.get('a'), store.get('b')])).toEqual([null, null])
    const message = expect.stringContaining('dynamodb:BatchGetItem')
    expect(events).toEqual([{ type: 'degraded', level: 'warn', operation: 'get', message }])
  })
})

describe('a reader that gives up', () => {
  /** Holds the answer of every BatchGetItem back. */
  function hold() {
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    mock.on(BatchGetItemCommand).callsFake(async ({ RequestItems }) => {
      await released
      return { Responses: { T: RequestItems.T.Keys.map(({ pk }: { pk: { S: string } }) => itemOf(pk.S)) } }
    })
    return { release }
  }

  it('leaves the call to the others; with the last of them it is stopped', async () => {
    hold()
    const table = newTable()
    const signals = [newSignal(), newSignal(), newSignal()]
    const reads = ['a', 'a', 'b'].map((key, i) => table.get(key, signals[i]!))
    await vi.waitFor(() => expect(mock.calls()).toHaveLength(1))
    const abortSignal = signalOfCall()
    const onabort = vi.fn()
    abortSignal.onabort = onabort
    for (const i of [0, 1]) {
      stop(signals[i]!)
      await expect(reads[i]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT', retryable: true })
    }
    expect([abortSignal.aborted, onabort.mock.calls.length]).toEqual([false, 0])
    stop(signals[2]!)
    await expect(reads[2]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    expect([abortSignal.aborted, onabort.mock.calls.length]).toEqual([true, 1])
  })

  it('does not keep the others from their answer', async () => {
    const { release } = hold()
    const table = newTable()
    const signal = newSignal()
    const reads = [table.get('a', signal), table.get('a', newSignal()), table.get('b', newSignal())]
    await vi.waitFor(() => expect(mock.calls()).toHaveLength(1))
    stop(signal)
    await expect(reads[0]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    release()
    expect((await Promise.all(reads.slice(1))).map((row) => row?.key)).toEqual(['a', 'b'])
  })

  it('before the call is sent is not asked for', async () => {
    answerAll()
    const table = newTable()
    const signals = [newSignal(), newSignal(), newSignal()]
    const reads = signals.map((signal, i) => table.get(`key-${i}`, signal))
    stop(signals[1]!)
    await expect(reads[1]).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await Promise.all([reads[0], reads[2]])
    expect(takeCalls()).toEqual([['key-0', 'key-2']])
  })

  it('and was the only one, makes no call at all, and stops none of those who come after it', async () => {
    answerAll()
    const table = newTable()
    const [before, during] = [newSignal(), newSignal()]
    stop(before)
    const reads = [table.get('a', before), table.get('b', during)]
    stop(during)
    for (const each of reads) await expect(each).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await new Promise(setImmediate)
    expect(takeCalls()).toEqual([])
    const alone = newSignal()
    const left = table.get('a', alone)
    stop(alone)
    const later = read(table, ['b', 'c'])
    await expect(left).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await later
    expect(signalOfCall().aborted).toBe(false)
    expect(takeCalls()).toEqual([['b', 'c']])
  })
})
