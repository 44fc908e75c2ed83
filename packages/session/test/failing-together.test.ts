/** Calls of one operation that fail together are one failure, told once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Envelope, WaxsealError } from '@waxseal/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryTable, type SessionEvent, SessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const TIMEOUT = 50
const userId = ({ user }: Record<string, unknown>) => user as string

let opening = async (): Promise<void> => {}
const bent: Envelope = Object.assign(Object.create(envelope), {
  with: (context: Record<string, string>) => {
    const inner = envelope.with(context)
    const openJson: Envelope['openJson'] = async (...args) => {
      await opening()
      return inner.openJson(...args)
    }
    const [seal, open, sealJson] = [inner.seal.bind(inner), inner.open.bind(inner), inner.sealJson.bind(inner)]
    return Object.assign(Object.create(inner), { seal, open, sealJson, openJson })
  },
  sealJson: envelope.sealJson.bind(envelope),
})

/** Fifty sessions of ada's, more than are opened at a time. */
async function setUp() {
  opening = async () => {}
  const store = new SessionStore(new MemoryTable(), { envelope: bent, userId, timeoutMilliseconds: TIMEOUT })
  for (let i = 0; i < 50; i++) await store.set(`id-${i}`, { user: 'ada' })
  const events: SessionEvent[] = []
  store.on('failed', (event) => events.push(event))
  return { store, events }
}

const calls: [name: string, call: (store: SessionStore) => Promise<unknown>][] = [
  ['ids', (store) => store.ids()],
  ['sessionsOf', (store) => store.sessionsOf('ada')],
  ['destroyAllOf', (store) => store.destroyAllOf('ada')],
]

describe.each(calls)('%s', (operation, call) => {
  let started = 0
  beforeEach(() => {
    started = 0
  })

  it('that finds the key service down gives one event and that error', async () => {
    const { store, events } = await setUp()
    opening = () => Promise.reject(new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', `down, says ${started++}`))
    await expect(call(store)).rejects.toThrow('down, says 0')
    await sleep(5)
    expect(events).toMatchObject([{ operation, code: 'ERR_WAXSEAL_KEY_UNAVAILABLE' }])
    expect(started).toBe(16)
  })

  it('that finds it silent gives one event of one time-out', async () => {
    const { store, events } = await setUp()
    opening = () => new Promise(() => {})
    await expect(call(store)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await sleep(5)
    expect(events).toMatchObject([{ operation, code: 'ERR_WAXSEAL_STORE_TIMEOUT' }])
  })

  it('ends at once when a later one fails, with that error, although the first is silent', async () => {
    const { store, events } = await setUp()
    const down = new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down')
    opening = () => (started++ === 0 ? new Promise(() => {}) : Promise.reject(down))
    await expect(call(store)).rejects.toBe(down)
    expect(events).toMatchObject([{ operation, code: 'ERR_WAXSEAL_KEY_UNAVAILABLE' }])
  })
})
