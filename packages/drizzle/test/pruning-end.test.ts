/** What the end of pruning waits for, and what it cuts short. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import type { PostgresSessionTable } from '../src/session/index.ts'
import { Pruning } from '../src/session/pruning.ts'

/** Pruning of so many rows, each batch of which takes a moment. */
function setUp(expired: number) {
  const state = { left: expired, underWay: 0 }
  const deleteExpired = async (limit: number) => {
    state.underWay++
    await sleep(20)
    const removed = Math.min(limit, state.left)
    state.left -= removed
    state.underWay--
    return removed
  }
  return { state, pruning: new Pruning({ deleteExpired } as unknown as PostgresSessionTable, 5000) }
}

const noError = (error: unknown) => expect(error).toBe(undefined)

it('waits for a pruning that was asked for, to its last batch', async () => {
  const { state, pruning } = setUp(1200)
  const pruned = pruning.run()
  await pruning.end()
  expect(state).toEqual({ left: 0, underWay: 0 })
  expect(await pruned).toBe(1200)
})

it('waits for one that fails, whose error is its caller’s alone', async () => {
  const down = new Error('down')
  const deleteExpired = () => sleep(20).then(() => Promise.reject(down))
  const pruned = new Pruning({ deleteExpired } as unknown as PostgresSessionTable, 5000)
  const outcome = pruned.run().catch((error: unknown) => error)
  await pruned.end()
  expect(await outcome).toBe(down)
})

it('cuts one of the timer short between two batches', async () => {
  const { state, pruning } = setUp(50_000)
  pruning.every(1, noError)
  await vi.waitUntil(() => state.underWay === 1)
  await pruning.end()
  expect(state.underWay).toBe(0)
  expect(state.left).toBeGreaterThan(0)
})

it('leaves a pruning that is asked for later whole', async () => {
  const { state, pruning } = setUp(1200)
  await pruning.end()
  expect(await pruning.run()).toBe(1200)
  expect(state.left).toBe(0)
})
