/** The sessions of one user while version 1 is accepted. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import { SessionStore, sessionKey } from '@waxseal/session'
import { afterEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { eventually, failOnce, inAnHour, Version1World } from './support/version1.ts'

const userId = (session: Record<string, unknown>) => session.user as string
const options = () => ({ userId, version1: { acceptUntil: inAnHour() } })
type Insert = DynamoDBSessionTable['insert']

describe.each(inject('engines'))('sessions of version 1 of one user on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  /** An upgrade that inserted the row and could not remove the item: throttled, or the process ended. */
  const halfUpgraded = async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession('ada')
    const instance = world.newInstance(options())
    failOnce(instance, 'version1.remove')
    expect(await instance.store.get(id)).not.toBe(null)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    expect(await world.versions(id)).toEqual([1, 2])
    expect(await instance.store.sessionsOf('ada')).toHaveLength(1)
    return { id, ...instance }
  }

  it('destroyAllOf ends one that is half upgraded for good, its item before its row', async () => {
    const { id, store, takeCalls } = await halfUpgraded()
    takeCalls()
    expect(await store.destroyAllOf('ada')).toBe(1)
    const calls = takeCalls()
    expect(calls.indexOf('version1.remove')).toBeGreaterThanOrEqual(0)
    expect(calls.indexOf('version1.remove')).toBeLessThan(calls.indexOf('deleteUser'))
    expect(await world.versions(id)).toEqual([])
    expect(await store.get(id)).toBe(null)
  })

  it('so does destroyOneOf', async () => {
    const { id, store } = await halfUpgraded()
    expect(await store.destroyOneOf('ada', sessionKey(id))).toBe(true)
    expect(await world.versions(id)).toEqual([])
  })

  it('destroyOthersOf leaves the one that stays as it is', async () => {
    const { id, store } = await halfUpgraded()
    expect(await store.destroyOthersOf('ada', id)).toBe(0)
    expect(await world.versions(id)).toEqual([1, 2])
  })

  it('a save that upgrades one is refused when the user’s sessions end meanwhile', async () => {
    world = await Version1World.start(endpoint)
    const client = new DynamoDBClient(clientConfig(endpoint))
    onTestFinished(() => client.destroy())
    const fates = ['failed', 'signed out']
    class Ending extends DynamoDBSessionTable {
      override insert(...args: Parameters<Insert>): ReturnType<Insert> {
        if (args[0].userTag === undefined) return super.insert(...args)
        const fate = fates.shift()
        if (fate === 'failed') return Promise.reject(new Error('throttled'))
        // What is answered when the user's entries were moved between this one's and the look at the index.
        return fate === undefined ? super.insert(...args) : Promise.resolve({ written: false, signedOut: true })
      }
    }
    const table = new Ending(client, world.tableName, 'sessionId')
    const store = new SessionStore(table, { envelope: world.newEnvelope(), ...options() })
    const id = await world.oldSession('ada')
    const session = (await store.get<Record<string, unknown>>(id))!
    await eventually(() => fates.length === 1)
    expect(await store.set(id, Object.assign(session, { n: 1 }))).toBe(false)
    expect(await world.versions(id)).toEqual([])
    expect(await store.get(id)).toBe(null)
  })
})
