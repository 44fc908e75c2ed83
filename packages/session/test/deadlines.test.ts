/** Every operation ends at its time-out, whatever hangs, and nothing happens after the caller was told. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { SessionRow } from '../src/index.ts'
import { generateDataKey, newEnvelope, ObservedTable, setUp } from './support/stores.ts'

const timeout = { code: 'ERR_WAXSEAL_STORE_TIMEOUT', retryable: true }
const never = () => new Promise<never>(() => {})

describe('the end of an operation', () => {
  it('comes in the order of the calls, again and again', async () => {
    const { store, table } = setUp({ timeoutMilliseconds: 60 })
    table.before = never
    const start = performance.now()
    const endOf = (id: string) => store.get(id).catch(() => performance.now() - start)
    const first = endOf('a')
    await sleep(30)
    const second = endOf('b')
    expect(await first).toBeGreaterThan(55)
    expect(await second).toBeGreaterThan(85)
    expect(await Promise.race([endOf('c'), sleep(1000, 'hangs')])).not.toBe('hangs')
  })

  it('comes for a listing whose key service hangs', async () => {
    const { store, table } = setUp()
    await store.set('id', { user: 'ada' })
    const hanging = setUp({ envelope: newEnvelope({ unwrapDataKey: never }), timeoutMilliseconds: 50 }, table)
    await expect(hanging.store.all()).rejects.toMatchObject(timeout)
    expect(hanging.events).toMatchObject([{ type: 'failed', operation: 'all', code: timeout.code }])
  })

  it.each(['insert', 'update'] as const)('comes for an endless conflict of %s, and so do its calls', async (method) => {
    const { store, table, rowOf } = setUp({ timeoutMilliseconds: 40 })
    const session = { n: 0 }
    await store.set(method === 'update' ? 'id' : 'other', session)
    const { record } = await rowOf(method === 'update' ? 'id' : 'other')
    let calls = 0
    table[method] = async (row: SessionRow) => {
      calls++
      await sleep(1)
      return method === 'insert' ? { written: false } : { written: false, current: { ...row, record } }
    }
    session.n = 1
    await expect(store.set('id', session)).rejects.toMatchObject(timeout)
    await sleep(10)
    const before = calls
    await sleep(40)
    expect(calls).toBe(before)
  })
})

describe('after the time-out', () => {
  it('nothing is written when it was the key service that was slow', async () => {
    const envelope = newEnvelope({
      async generateDataKey(context) {
        await sleep(100)
        return generateDataKey(context)
      },
    })
    const { store, table } = setUp({ envelope, timeoutMilliseconds: 40 })
    await expect(store.set('id', { user: 'ada' })).rejects.toMatchObject(timeout)
    await sleep(150)
    expect(table.calls).toEqual([])
  })

  it('what was still waiting for its turn does not happen', async () => {
    const table = new ObservedTable()
    let open = () => {}
    const door = new Promise<void>((resolve) => {
      open = resolve
    })
    table.before = (call) => (call === 'insert' ? door : undefined)
    const { store } = setUp({ timeoutMilliseconds: 30 }, table)
    const results = await Promise.allSettled([store.set('id', { n: 1 }), store.destroy('id')])
    expect(results).toMatchObject(Array(2).fill({ status: 'rejected', reason: timeout }))
    open()
    await sleep(10)
    expect(await store.get('id')).toEqual({ n: 1 })
  })
})
