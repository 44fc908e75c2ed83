import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig, startFaultProxy } from '@waxseal/engines'
import type { StopSignal } from '@waxseal/session'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { newTable } from './support/tables.ts'

const newSignal = (): { aborted: boolean; onabort: StopSignal['onabort'] } => ({ aborted: false, onabort: null })

/** Counts how often the client's middleware is put together, and how often it runs. */
function count(client: DynamoDBClient) {
  const counts = { built: 0, run: 0 }
  client.middlewareStack.add(
    (next) => {
      counts.built++
      return (args) => {
        counts.run++
        return next(args)
      }
    },
    { step: 'initialize' },
  )
  return counts
}

describe.each(inject('engines'))('middleware chains on $name', ({ endpoint }) => {
  it('are built once in 100 calls that follow one another', async () => {
    const { client, tableName } = await newTable(endpoint)
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    const counts = count(client)
    for (let i = 0; i < 201; i++) await table.get('row', newSignal())
    expect(counts).toEqual({ built: 3, run: 201 })
  })

  it('are built once in 100 batches of reads as well', async () => {
    const { client, tableName } = await newTable(endpoint)
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    const counts = count(client)
    for (let i = 0; i < 101; i++) await Promise.all(['a', 'b'].map((key) => table.get(key, newSignal())))
    expect(counts).toEqual({ built: 2, run: 101 })
  })

  it('keep the logger of a client that has one', async () => {
    const { tableName } = await newTable(endpoint)
    const logged: object[] = []
    const drop = () => {}
    const logger = { debug: drop, info: (entry: object) => logged.push(entry), warn: drop, error: drop }
    const table = new DynamoDBSessionTable(
      new DynamoDBClient({ ...clientConfig(endpoint), logger }),
      tableName,
      'sessionId',
    )
    await table.get('row', newSignal())
    await Promise.all(['a', 'b'].map((key) => table.get(key, newSignal())))
    expect(logged).toMatchObject([
      { commandName: 'GetItemCommand', input: { Key: { sessionId: { S: 'row' } } } },
      { commandName: 'BatchGetItemCommand', output: { Responses: {} } },
    ])
  })

  it('take in middleware that is added later', async () => {
    const { client, tableName } = await newTable(endpoint)
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    await table.get('row', newSignal())
    const counts = count(client)
    for (let i = 0; i < 100; i++) await table.get('row', newSignal())
    expect(counts.run).toBe(1)
  })

  it('end with the signal of their own call, and serve the next one', async () => {
    const { tableName } = await newTable(endpoint)
    const proxy = await startFaultProxy(endpoint)
    const client = new DynamoDBClient(clientConfig(proxy.endpoint))
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId', { batchReads: false })
    const ended: number[] = []
    await table.get('row', newSignal())
    await proxy.setMode('blackhole')
    const signals = [newSignal(), newSignal(), newSignal()]
    const calls = signals.map((signal, i) => table.get('row', signal).catch(() => ended.push(i)))
    const stop = async (i: number) => {
      signals[i]!.aborted = true
      signals[i]!.onabort?.()
      await calls[i]
    }
    await expect.poll(() => signals.every(({ onabort }) => onabort !== null)).toBe(true)
    await stop(1)
    expect(ended).toEqual([1])
    await stop(0)
    await stop(2)
    expect(ended).toEqual([1, 0, 2])
    await proxy.setMode('pass')
    await expect(Promise.all([1, 2, 3, 4].map(() => table.get('row', newSignal())))).resolves.toHaveLength(4)
    await proxy.stop()
    client.destroy()
  })
})
