/** What is of DynamoDB and its SDK alone among the faults; the rest is the suite's, on every engine. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig, startFaultProxy } from '@waxseal/engines'
import { envelope, eventsOf, faultSuite, outcome, sessionOf } from '@waxseal/suite'
import { afterEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { createSessionTable, DynamoDBSessionStore } from '../src/index.ts'
import { suiteDatabases } from './support/suite-databases.ts'
import { newTable } from './support/tables.ts'

const session = sessionOf('ada')

for (const database of suiteDatabases) faultSuite(database)

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  it('trap 9: a lost answer that the SDK repeats is our own success, not a conflict or a refusal', async () => {
    const { tableName } = await newTable(endpoint)
    const proxy = await startFaultProxy(endpoint)
    onTestFinished(() => proxy.stop())
    const client = new DynamoDBClient({ ...clientConfig(proxy.endpoint), maxAttempts: 10 })
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    const events = eventsOf(store, 'refused', 'overwritten', 'merged', 'conflict', 'failed')
    await store.set('id', { ...session })
    const loaded = await store.get<{ user: string }>('id')
    loaded!.user = 'grace'
    await proxy.setMode('cut')
    const stored = store.set('id', loaded!)
    setTimeout(() => proxy.setMode('pass'), 60)
    expect(await stored).toBe(true)
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
    expect(events).toEqual([])
  })

  it('a missing table is named with its remedy', async () => {
    const client = new DynamoDBClient(clientConfig(endpoint))
    const store = new DynamoDBSessionStore({ client, tableName: 'not-there', envelope })
    const { error } = await outcome(() => store.get('id'))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID', retryable: false })
    expect((error as Error).message).toMatch(/"not-there".*createSessionTable\(\)/)
  })

  it('a table with another key is named with its remedy, at run time and at set-up', async () => {
    const { client, tableName } = await newTable(endpoint, 'id')
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    for (const operation of [
      () => store.get('id'),
      () => store.set('id', { ...session }),
      () => createSessionTable({ client, tableName }),
    ]) {
      const { error } = await outcome(operation)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID' })
      expect((error as Error).message).toMatch(/partition key named "sessionId".*partitionKey/)
    }
    const fitting = new DynamoDBSessionStore({ client, tableName, envelope, partitionKey: 'id' })
    await fitting.set('id', { ...session })
    expect(await fitting.get('id')).toMatchObject({ user: 'ada' })
  })

  it('set-up is repeatable', async () => {
    const { client, tableName } = await newTable(endpoint)
    expect(await createSessionTable({ client, tableName })).toMatchObject({ created: false })
  })
})

describe('without a configuration', () => {
  const variables = ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'] as const
  const saved = Object.fromEntries(variables.map((name) => [name, process.env[name]]))
  afterEach(() => {
    for (const name of variables) {
      if (saved[name] === undefined) delete process.env[name]
      else process.env[name] = saved[name]
    }
  })

  it('no region: ERR_WAXSEAL_CONFIG naming AWS_REGION', async () => {
    for (const name of variables) delete process.env[name]
    process.env.AWS_CONFIG_FILE = '/nowhere'
    const client = new DynamoDBClient({ credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
    const { error } = await outcome(() => new DynamoDBSessionStore({ client, tableName: 't', envelope }).get('id'))
    delete process.env.AWS_CONFIG_FILE
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG', retryable: false })
    expect((error as Error).message).toContain('AWS_REGION')
  })

  it('no credentials: ERR_WAXSEAL_CONFIG naming the variables', async () => {
    for (const name of variables) delete process.env[name]
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/nowhere',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
    })
    const client = new DynamoDBClient({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:9' })
    const { error } = await outcome(() => new DynamoDBSessionStore({ client, tableName: 't', envelope }).get('id'))
    delete process.env.AWS_CONFIG_FILE
    delete process.env.AWS_SHARED_CREDENTIALS_FILE
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG' })
    expect((error as Error).message).toMatch(/AWS_ACCESS_KEY_ID.*AWS_SECRET_ACCESS_KEY/)
  })

  it.each([
    [{}, 'client'],
    [{ client: new DynamoDBClient({}) }, 'tableName'],
    [{ client: new DynamoDBClient({}), tableName: 't' }, 'envelope'],
    [{ client: new DynamoDBClient({}), tableName: 't', envelope, ttlSeconds: 0 }, 'ttlSeconds'],
    [
      { client: new DynamoDBClient({}), tableName: 't', envelope, maxLifetimeSeconds: Number.NaN },
      'maxLifetimeSeconds',
    ],
  ])('the constructor says at once which option is wrong', (config, name) => {
    expect(() => new DynamoDBSessionStore(config as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringContaining(name) }),
    )
  })
})

describe('after a time-out', () => {
  it('the call is stopped: its connection closes, and the SDK does not try again', async () => {
    const silent = createServer()
    let connections = 0
    const closed = new Promise<void>((resolve) => {
      silent.on('connection', (socket) => {
        connections++
        socket.on('error', () => {}).resume()
        socket.on('close', () => resolve())
      })
    })
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const { port } = silent.address() as AddressInfo
    const client = new DynamoDBClient(clientConfig(`http://127.0.0.1:${port}`))
    const store = new DynamoDBSessionStore({ client, tableName: 't', envelope, timeoutMilliseconds: 100 })
    const { error } = await outcome(() => store.get('id'))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await closed
    await sleep(300)
    expect(connections).toBe(1)
    silent.close()
  })
})
