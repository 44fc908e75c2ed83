import { expect, it, type RunnerTask } from 'vitest'
import { frameworks } from '../src/apps.ts'
import { numberedTraps, uncoveredTraps } from '../src/trap-coverage.ts'

/** The tasks of a database's group, with one case for each of these traps under each framework. */
const groupWith = (under: Record<string, readonly number[]>, mode = 'run'): { tasks: RunnerTask[] } => ({
  tasks: Object.entries(under).map(([framework, numbers]) => ({
    name: `under ${framework}`,
    tasks: numbers.map((number) => ({ name: `trap ${number}: whatever it is`, mode })),
  })) as unknown as RunnerTask[],
})

it('the numbers are those of the page, from 1 on', () => {
  expect(numberedTraps().slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

it('a trap without a case under one of the frameworks is named, and so is a framework that was left out', () => {
  const all = numberedTraps()
  const [first, ...rest] = all
  expect(uncoveredTraps(groupWith({ Express: all, Fastify: all }))).toEqual([])
  expect(uncoveredTraps(groupWith({ Express: rest, Fastify: all }))).toEqual([`trap ${first} under Express`])
  expect(uncoveredTraps(groupWith({ Express: all }))).toHaveLength(all.length)
  expect(uncoveredTraps({ tasks: [] })).toHaveLength(all.length * frameworks.length)
})

it.each(['skip', 'todo'])('a trap whose only case is marked %s is named', (mode) => {
  const all = numberedTraps()
  expect(uncoveredTraps(groupWith({ Express: all, Fastify: all }, mode))).toHaveLength(2 * all.length)
})
