/** A session of version 1 that was signed out stays so, and nobody else is signed out, in the rarer orders of things. */
import { createHmac } from 'node:crypto'
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import { SessionStore } from '@waxseal/session'
import { Browser, SECRET, startExpress } from '@waxseal/suite'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { DynamoDBSessionTable } from '../src/index.ts'
import { eventually, hold, inAnHour, Version1World } from './support/version1.ts'

interface Session extends Record<string, unknown> {
  user: string
}

const sign = (value: string): string =>
  `${value}.${createHmac('sha256', SECRET).update(value).digest('base64').replace(/=+$/, '')}`
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe.each(inject('engines'))('sessions of version 1 on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())
  const upgraded = (id: string) => eventually(async () => (await world.versions(id)).join() === '2')

  /** As older code under Express leaves it that moves `ttl` alone: the date in the cookie has passed. */
  async function touchedSession(): Promise<string> {
    const cookie = { originalMaxAge: 3_600_000, expires: new Date(Date.now() - 60_000).toISOString() }
    const id = await world.oldSession('ada', { cookie })
    const command = new UpdateItemCommand({
      TableName: world.tableName,
      Key: { sessionId: { S: id } },
      UpdateExpression: 'SET #ttl = :ttl',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: { ':ttl': { N: String(Math.floor(Date.now() / 1000) + 3000) } },
    })
    await world.client.send(command)
    return id
  }

  it.each(['set', 'touch'] as const)('whose cookie has an old date lives on after %s, as it is', async (what) => {
    world = await Version1World.start(endpoint)
    const id = await touchedSession()
    const { store } = world.newInstance()
    const session = await store.get<Session>(id)
    await upgraded(id)
    await store[what](id, session!)
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
  })

  it.each([{ acceptUntil: inAnHour() }, { write: true } as const])(
    'does so after a change, too (%j)',
    async (version1) => {
      world = await Version1World.start(endpoint)
      const id = await touchedSession()
      const { store } = world.newInstance({ version1 })
      const session = await store.get<Session>(id)
      expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(true)
      await pause(1100)
      expect(await store.get(id)).toMatchObject({ user: 'ada', n: 1 })
    },
  )

  it('does so after an explicit save under Express', async () => {
    world = await Version1World.start(endpoint)
    const id = await touchedSession()
    const { store } = world.newInstance()
    const app = await startExpress(
      store,
      {
        '/save': async (visit) => {
          visit.session.n = 1
          await visit.save()
          return { user: visit.session.user }
        },
        '/': (visit) => ({ user: visit.session.user, n: visit.session.n }),
      },
      { maxAge: 3_600_000 },
    )
    const browser = new Browser(app, `connect.sid=${encodeURIComponent(`s:${sign(id)}`)}`)
    expect((await browser.get('/save')).body).toEqual({ user: 'ada' })
    expect((await browser.get('/')).body).toEqual({ user: 'ada', n: 1 })
    await app.close()
  })

  it('is not hidden by a malformed item beside its row', async () => {
    world = await Version1World.start(endpoint)
    const { store } = world.newInstance()
    await store.set('id', { user: 'ada' })
    await world.put({ sessionId: { S: 'id' }, version: { N: '1' } })
    expect(await store.get('id')).toEqual({ user: 'ada' })
  })

  it('stays signed out when the SDK has to repeat the removal of its item', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const client = new DynamoDBClient({ ...clientConfig(endpoint), maxAttempts: 3 })
    let throttle = false
    // Beneath the SDK's retries: the first attempt is throttled, and does nothing.
    client.middlewareStack.add(
      (next) => async (args) => {
        const { headers } = args.request as { headers: Record<string, string> }
        if (throttle && headers['x-amz-target']?.endsWith('DeleteItem')) {
          throttle = false
          const name = 'ProvisionedThroughputExceededException'
          throw Object.assign(new Error('slow down'), { name, $metadata: {}, $retryable: { throttling: true } })
        }
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const table = new DynamoDBSessionTable(client, world.tableName, 'sessionId')
    const slow = new SessionStore(table, { envelope: world.newEnvelope(), version1: { acceptUntil: inAnHour() } })
    const other = world.newInstance()
    await slow.get<Session>(id)
    const second = await slow.get<Session>(id)
    await upgraded(id)
    await other.store.destroy(id)
    throttle = true
    await slow.set(id, Object.assign(second!, { n: 1 }))
    expect(await world.versions(id)).toEqual([])
    expect(await other.store.get(id)).toBe(null)
    client.destroy()
  })

  it('stays signed out when the removal of its item fails then', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const { reached, release } = hold(one, 'insert')
    await one.store.get<Session>(id)
    await reached
    await two.store.destroy(id)
    const calls: string[] = []
    one.before = (call) => {
      calls.push(call)
      if (call === 'version1.remove') throw new Error('down')
    }
    release()
    // Before the row is inserted there is nothing either.
    await eventually(() => calls.includes('delete'))
    await eventually(async () => (await world.versions(id)).length === 0)
    expect(await two.store.get(id)).toBe(null)
  })

  it('stays signed out although another request has written to the row that is about to go', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two, three] = [world.newInstance(), world.newInstance(), world.newInstance()]
    const insert = hold(one, 'insert')
    await one.store.get<Session>(id)
    await insert.reached
    await two.store.destroy(id)
    const look = hold(one, 'version1.get')
    insert.release()
    await look.reached
    const session = await three.store.get<Session>(id)
    await three.store.set(id, Object.assign(session!, { n: 2 }))
    look.release()
    await eventually(async () => (await world.versions(id)).length === 0)
    expect(await two.store.get(id)).toBe(null)
  })

  it('stays signed out when the answer to its insert is lost', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const { reached, release } = hold(one, 'insert')
    await one.store.get<Session>(id)
    await reached
    await two.store.destroy(id)
    one.after = (call) => {
      if (call === 'insert') throw new Error('the answer is lost')
    }
    release()
    await eventually(() => one.events.some(({ type }) => type === 'failed'))
    expect(await two.store.get(id)).toBe(null)
  })

  it.each(['iv', 'authTag', 'encryptedKey', 'encryptedData'])('has no partition key named %s', async (partitionKey) => {
    world = await Version1World.start(endpoint)
    expect(() => new DynamoDBSessionTable(world.client, world.tableName, partitionKey)).toThrow('partitionKey')
  })
})
