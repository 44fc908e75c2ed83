/** Concurrent reads through the real SDK, on each engine and behind a proxy that misbehaves. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig, type FaultProxy, startFaultProxy } from '@waxseal/engines'
import { sessionKey } from '@waxseal/session'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

const session = (user: string) => ({ user, cookie: { originalMaxAge: null, expires: null } })
const ids = Array.from({ length: 60 }, (_, i) => `id-${i}`)

describe.each(inject('engines'))('concurrent reads on $name', ({ endpoint }) => {
  let proxy: FaultProxy | undefined
  afterEach(async () => {
    await proxy?.stop()
    proxy = undefined
  })

  /** A store with sessions under `ids`, behind a proxy, and the names of the commands it sends. */
  async function newStore() {
    const { tableName } = await newTable(endpoint)
    proxy = await startFaultProxy(endpoint)
    const client = new DynamoDBClient({ ...clientConfig(proxy.endpoint), maxAttempts: 2 })
    const commands: string[] = []
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          commands.push(commandName)
          return next(args)
        },
      { step: 'initialize' },
    )
    const store = new DynamoDBSessionStore({ client, tableName, envelope })
    await Promise.all(ids.map((id) => store.set(id, session(id))))
    commands.length = 0
    return { store, client, tableName, commands, proxy }
  }

  it('give each its own session, none for those that are not there, and few calls', async () => {
    const { store, commands } = await newStore()
    const asked = [...ids, 'not-there', ...ids.slice(0, 5)]
    const sessions = await Promise.all(asked.map((id) => store.get<{ user: string }>(id)))
    expect(sessions.map((found) => found?.user)).toEqual([...ids, undefined, ...ids.slice(0, 5)])
    expect(new Set(sessions).size).toBe(asked.length)
    expect(commands).toEqual(Array(4).fill('BatchGetItemCommand'))
  })

  it('see every write that was acknowledged before them', async () => {
    const { store } = await newStore()
    for (const round of [1, 2, 3]) {
      await Promise.all(ids.map((id) => store.set(id, session(`${id} in ${round}`))))
      const sessions = await Promise.all(ids.map((id) => store.get<{ user: string }>(id)))
      expect(sessions.map((found) => found?.user)).toEqual(ids.map((id) => `${id} in ${round}`))
    }
    await Promise.all(ids.slice(0, 30).map((id) => store.destroy(id)))
    const sessions = await Promise.all(ids.map((id) => store.get(id)))
    expect(sessions.map((found) => found === null)).toEqual(ids.map((_, i) => i < 30))
  })

  it('fail alone where a key is none for DynamoDB', async () => {
    const { client, tableName } = await newStore()
    const table = new DynamoDBSessionTable(client, tableName, 'sessionId')
    const keys = [sessionKey('id-0'), '', 'x'.repeat(3000), sessionKey('id-1')]
    const outcomes = await Promise.allSettled(keys.map((key) => table.get(key, { aborted: false, onabort: null })))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  })

  it('end at the time-out of each, and later ones are served', async () => {
    const { client, tableName, proxy } = await newStore()
    const store = new DynamoDBSessionStore({ client, tableName, envelope, timeoutMilliseconds: 300 })
    await proxy.setMode('blackhole')
    const begun = performance.now()
    const timed = async (id: string) => {
      const code = await store.get(id).then(String, ({ code }) => code)
      return { code, milliseconds: performance.now() - begun }
    }
    const early = ids.slice(0, 3).map(timed)
    await new Promise((resolve) => setTimeout(resolve, 150))
    const late = ids.slice(3, 6).map(timed)
    for (const { code, milliseconds } of await Promise.all(early)) {
      expect(code).toBe('ERR_WAXSEAL_STORE_TIMEOUT')
      expect(milliseconds).toBeLessThan(440)
    }
    for (const { code, milliseconds } of await Promise.all(late)) {
      expect(code).toBe('ERR_WAXSEAL_STORE_TIMEOUT')
      expect(milliseconds).toBeGreaterThan(440)
    }
    await proxy.setMode('pass')
    expect(await Promise.all([store.get('id-0'), store.get('id-1')])).toMatchObject([
      { user: 'id-0' },
      { user: 'id-1' },
    ])
  })

  it.each(['refuse', 'cut'] as const)('are errors when the database is lost (%s), never "no session"', async (mode) => {
    const { store, proxy } = await newStore()
    await proxy.setMode(mode)
    const outcomes = await Promise.allSettled(ids.slice(0, 5).map((id) => store.get(id)))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true } })
    }
    await proxy.setMode('pass')
    expect(await Promise.all([store.get('id-0'), store.get('id-1')])).toMatchObject([
      { user: 'id-0' },
      { user: 'id-1' },
    ])
  })

  it('are answered late when the database is late', async () => {
    const { store, proxy, commands } = await newStore()
    await proxy.setMode('delay', 50)
    const sessions = await Promise.all(ids.slice(0, 5).map((id) => store.get<{ user: string }>(id)))
    expect(sessions.map((found) => found?.user)).toEqual(ids.slice(0, 5))
    expect(commands).toEqual(['BatchGetItemCommand'])
  })
})
