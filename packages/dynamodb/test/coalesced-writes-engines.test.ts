/** Concurrent writes with `batchWrites` through the real SDK: as PartiQL where the engine has it, else singly. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig, startFaultProxy } from '@waxseal/engines'
import { sessionTableContract } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

interface Counted {
  n: number
  cookie: { originalMaxAge: number | null }
}

const ids = Array.from({ length: 60 }, (_, i) => `id-${i}`)
const all = <T>(call: (id: string, i: number) => Promise<T>) => Promise.all(ids.map(call))

describe.each(inject('engines'))('concurrent writes on $name', ({ name, endpoint }) => {
  const hasPartiQL = name !== 'dynalite'

  /** Sees to it that no update and no touch is alone. */
  class CrowdedTable extends DynamoDBSessionTable {
    override update(...args: Parameters<DynamoDBSessionTable['update']>) {
      return this.#beside(super.update(...args))
    }
    override extend(...args: Parameters<DynamoDBSessionTable['extend']>) {
      return this.#beside(super.extend(...args))
    }
    async #beside<T>(write: Promise<T>): Promise<T> {
      const other = super.extend('nobody', 2, { revision: 1 }, 1, { aborted: false, onabort: null })
      const [result, extended] = await Promise.all([write, other])
      expect(extended).toBe(false)
      return result
    }
  }

  describe.each(['sessionId', 'id" OR ""="', 'ein Schlüssel'])('by partition key %j', (partitionKey) => {
    sessionTableContract({ describe, it }, async () => {
      const { client, tableName } = await newTable(endpoint, partitionKey)
      return new CrowdedTable(client, tableName, partitionKey, { batchWrites: true })
    })
  })

  async function newStore(options: object = {}) {
    const { tableName } = await newTable(endpoint)
    const proxy = await startFaultProxy(endpoint)
    const client = new DynamoDBClient({ ...clientConfig(proxy.endpoint), maxAttempts: 10 })
    const commands = new Map<string, number>()
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          commands.set(commandName, (commands.get(commandName) ?? 0) + 1)
          return next(args)
        },
      { step: 'initialize' },
    )
    const store = new DynamoDBSessionStore({ client, tableName, envelope, batchWrites: true, ...options })
    const events: string[] = []
    for (const type of ['refused', 'overwritten', 'merged', 'conflict', 'degraded', 'failed'] as const) {
      store.on(type, () => events.push(type))
    }
    await all((id) => store.set(id, { n: 0, cookie: { originalMaxAge: null } }))
    const sessions = (await all((id) => store.get<Counted>(id))) as Counted[]
    commands.clear()
    return { store, sessions, commands, events, proxy }
  }

  it('are all there afterwards, in few calls', async () => {
    const { store, sessions, commands, events, proxy } = await newStore()
    for (const n of [1, 2, 3]) {
      for (const session of sessions) session.n = n
      expect(await all((id, i) => store.set(id, sessions[i]!))).toEqual(Array(60).fill(true))
    }
    expect((await all((id) => store.get<Counted>(id))).map((session) => session?.n)).toEqual(Array(60).fill(3))
    expect(commands.get('BatchExecuteStatementCommand')).toBeLessThan(12)
    expect(commands.get('PutItemCommand') ?? 0).toBeLessThan(hasPartiQL ? 12 : 181)
    expect(events).toEqual([])
    await proxy.stop()
  })

  it('bring no session back that was destroyed', async () => {
    const { store, sessions, events, proxy } = await newStore({ touchAfterSeconds: 0 })
    await all((id, i) => (i % 2 === 0 ? store.destroy(id) : Promise.resolve()))
    for (const [i, session] of sessions.entries()) session.n = i % 3
    await Promise.all([all((id, i) => store.set(id, sessions[i]!)), all((id) => store.touch(id, {}))])
    const there = (await all((id) => store.get(id))).map((session) => session !== null)
    expect(there).toEqual(ids.map((_, i) => i % 2 === 1))
    // Of every third nothing but the expiry was to be written.
    expect(new Set(events)).toEqual(new Set(['refused']))
    await proxy.stop()
  })

  it('whose answer is lost and which the SDK repeats are no conflicts', async () => {
    const { store, sessions, events, proxy } = await newStore({ conflict: 'reject' })
    for (const session of sessions) session.n = 1
    await proxy.setMode('cut')
    const stored = all((id, i) => store.set(id, sessions[i]!))
    setTimeout(() => proxy.setMode('pass'), 60)
    expect(await stored).toEqual(Array(60).fill(true))
    expect((await all((id) => store.get<Counted>(id))).map((session) => session?.n)).toEqual(Array(60).fill(1))
    expect(events).toEqual([])
    await proxy.stop()
  })
})
