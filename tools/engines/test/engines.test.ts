import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { clientConfig, type FaultProxy, startDynalite, startDynamoDBLocal, startFaultProxy } from '../src/index.ts'
import '../src/vitest-setup.ts'

const TableName = 'engines-self-test'
const Key = { id: { S: 'a' } }

describe.each(inject('engines'))('$name', ({ endpoint }) => {
  let proxy: FaultProxy
  const client = () => new DynamoDBClient({ ...clientConfig(proxy.endpoint), maxAttempts: 1 })
  const get = (abortAfterMilliseconds = 5_000) =>
    client().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }), {
      abortSignal: AbortSignal.timeout(abortAfterMilliseconds),
    })

  beforeAll(async () => {
    proxy = await startFaultProxy(endpoint)
    await client().send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    )
  })
  afterAll(() => proxy.stop())

  test('passes', async () => {
    await client().send(new PutItemCommand({ TableName, Item: { ...Key, bytes: { B: Buffer.from('wax') } } }))
    expect(Buffer.from((await get()).Item!.bytes!.B!).toString()).toBe('wax')
  })

  test('refuses, then passes on the same port', async () => {
    await proxy.setMode('refuse')
    await expect(get()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.setMode('pass')
    expect((await get()).Item).toBeDefined()
  })

  test('is silent, also on a connection that is already open', async () => {
    const open = client()
    const command = new GetItemCommand({ TableName, Key })
    await open.send(command)
    await proxy.setMode('blackhole')
    await expect(open.send(command, { abortSignal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(get(200)).rejects.toMatchObject({ name: 'AbortError' })
    await proxy.setMode('pass')
  })

  test('cuts the answer, though the write has happened', async () => {
    await proxy.setMode('cut')
    const put = new PutItemCommand({ TableName, Item: { ...Key, done: { BOOL: true } } })
    await expect(client().send(put)).rejects.toThrow()
    await proxy.setMode('pass')
    expect((await get()).Item).toHaveProperty('done')
  })

  test('delays', async () => {
    await proxy.setMode('delay', 300)
    const begun = performance.now()
    await get()
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295)
    await proxy.setMode('pass')
  })
})

describe.each(inject('engines'))('$name', ({ name }) => {
  test('starts and stops beside another one', async () => {
    const engine = await { dynalite: startDynalite, 'dynamodb-local': startDynamoDBLocal }[name]()
    await fetch(engine.endpoint)
    await engine.stop()
    await expect(fetch(engine.endpoint)).rejects.toThrow()
  })
})
