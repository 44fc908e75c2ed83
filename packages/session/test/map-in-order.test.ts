import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { mapInOrder } from '../src/map-in-order.ts'

/** Notes which tasks have begun and how many were under way at most; later ones take less time. */
function observed(count: number) {
  const seen = { begun: [] as number[], underWay: 0, most: 0 }
  const items = Array.from({ length: count }, (_, index) => index)
  const task = async (item: number) => {
    seen.begun.push(item)
    seen.most = Math.max(seen.most, ++seen.underWay)
    await sleep((count - item) % 5)
    seen.underWay--
    return item * 10
  }
  return { seen, items, task }
}

async function toArray<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

describe('mapInOrder', () => {
  it.each([1, 3, 64])('keeps the order and, with a limit of %i, to the limit', async (limit) => {
    const { seen, items, task } = observed(20)
    expect(await toArray(mapInOrder(items, limit, task))).toEqual(items.map((item) => item * 10))
    expect(seen.most).toBe(Math.min(limit, 20))
  })

  it('begins nothing while its consumer is busy, and nothing once it has gone', async () => {
    const { seen, items, task } = observed(20)
    const results = mapInOrder(items, 3, task)
    await results.next()
    await sleep(20)
    expect(seen.begun).toEqual([0, 1, 2])
    await results.return()
    expect(seen.begun).toEqual([0, 1, 2])
  })

  it('fails in its turn, and leaves no other failure to nobody', async () => {
    const failures: unknown[] = []
    const note = (reason: unknown) => failures.push(reason)
    process.on('unhandledRejection', note)
    const results = mapInOrder([1, 2, 3], 3, (item) =>
      item === 1 ? sleep(10, item) : Promise.reject(new Error(`item ${item}`)),
    )
    expect((await results.next()).value).toBe(1)
    await expect(results.next()).rejects.toThrow('item 2')
    expect(await results.next()).toEqual({ done: true, value: undefined })
    await sleep(5)
    process.off('unhandledRejection', note)
    expect(failures).toEqual([])
  })
})
