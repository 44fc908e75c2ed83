/** Trap 9 and everything else that databases do to a store: silence, refusals, cut answers, wrong tables. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import { clientConfig, type FaultProxy, startFaultProxy } from '@waxseal/engines'
import { MemoryTable } from '@waxseal/session'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { createSessionTable, DynamoDBSessionStore } from '../src/index.ts'
import { envelope, ObservedTable, storeOn } from './support/stores.ts'
import { newTable } from './support/tables.ts'

const session = { user: 'ada', cookie: { originalMaxAge: null, expires: null } }

async function outcome(operation: Promise<unknown>) {
  const start = performance.now()
  const error = await operation.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, milliseconds: performance.now() - start }
}

describe.each(inject('engines'))('trap 9 on $name', ({ endpoint }) => {
  let proxy: FaultProxy | undefined
  afterEach(async () => {
    await proxy?.stop()
    proxy = undefined
  })

  async function behindProxy(timeoutMilliseconds: number, retries = 3) {
    const { tableName } = await newTable(endpoint)
    proxy = await startFaultProxy(endpoint)
    const client = new DynamoDBClient({ ...clientConfig(proxy.endpoint), maxAttempts: retries })
    const store = new DynamoDBSessionStore({ client, tableName, envelope, timeoutMilliseconds })
    await store.set('id', { ...session })
    return { store, proxy, tableName }
  }

  it('accepting and silent: every operation ends at its own time-out, over all retries', async () => {
    const { store, proxy } = await behindProxy(400)
    const loaded = await store.get<{ user: string }>('id')
    await proxy.setMode('blackhole')
    const operations: (() => Promise<unknown>)[] = [
      () => store.get('id'),
      () => store.set('id', { ...loaded, user: 'grace' }),
      () => store.set('new', { ...session }),
      () => store.touch('id', { ...session }),
      () => store.destroy('other'),
      () => store.all(),
      () => store.length(),
      () => store.clear(),
    ]
    for (const operation of operations) {
      const { error, milliseconds } = await outcome(operation())
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT', retryable: true })
      expect(milliseconds).toBeGreaterThan(350)
      expect(milliseconds).toBeLessThan(1500)
    }
    await proxy.setMode('pass')
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
  })

  it.each(['refuse', 'cut'] as const)('%s: ERR_WAXSEAL_STORE_UNAVAILABLE, never "no session"', async (mode) => {
    const { store, proxy } = await behindProxy(5000, 2)
    await proxy.setMode(mode)
    for (const operation of [() => store.get('id'), () => store.set('new', { ...session })]) {
      const { error } = await outcome(operation())
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
      // The SDK hangs the whole exchange on its error, request headers with session token included.
      expect((error as Error).cause).not.toHaveProperty('$response')
    }
    await proxy.setMode('pass')
    expect(await store.get('id')).toMatchObject({ user: 'ada' })
  })

  it('a lost answer that the SDK repeats is our own success, not a conflict or a refusal', async () => {
    const { store, proxy } = await behindProxy(5000, 10)
    const events: unknown[] = []
    for (const type of ['refused', 'overwritten', 'failed']) store.on(type, (event) => events.push(event))
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
    const { error } = await outcome(store.get('id'))
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
      const { error } = await outcome(operation())
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
    const { error } = await outcome(new DynamoDBSessionStore({ client, tableName: 't', envelope }).get('id'))
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
    const { error } = await outcome(new DynamoDBSessionStore({ client, tableName: 't', envelope }).get('id'))
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

describe('what is asked for while something else hangs', () => {
  it('waiting for an earlier write of the same session counts as time', async () => {
    const table = new ObservedTable(new MemoryTable())
    table.before = (call) => (call === 'insert' ? new Promise(() => {}) : undefined)
    const store = storeOn(table, { timeoutMilliseconds: 100 })
    const first = outcome(store.set('id', { ...session }))
    const second = await outcome(store.destroy('id'))
    expect((await first).error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    expect(second.error).toBeInstanceOf(WaxsealError)
    expect(second.milliseconds).toBeLessThan(400)
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
    const { error } = await outcome(store.get('id'))
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await closed
    await sleep(300)
    expect(connections).toBe(1)
    silent.close()
  })

  it('the timer of a store keeps no process alive', async () => {
    const script = `
      import { MemoryTable, SessionStore } from '@waxseal/session'
      import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
      const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
      const store = new SessionStore(new MemoryTable(), { envelope })
      await store.set('id', {})
    `
    const begun = performance.now()
    const child = spawn(process.execPath, ['--conditions=waxseal-source', '--import', 'tsx', '--input-type=module'], {
      cwd: import.meta.dirname,
    })
    child.stdin.end(script)
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
    expect(performance.now() - begun).toBeLessThan(4500)
  })
})
