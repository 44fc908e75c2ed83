import { readFileSync } from 'node:fs'
import { expect, it, type RunnerTask, type RunnerTestSuite } from 'vitest'
import { frameworks } from './apps.ts'

/** The numbers of the traps in docs/sessions.md, in their order. */
export function numberedTraps(): number[] {
  const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('\n## The traps\n')
  return [...section.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
}

/** What is missing: a trap is proven by cases that run and whose titles begin with its number, under each framework. */
export function uncoveredTraps(suite: { tasks: readonly RunnerTask[] }): string[] {
  return frameworks.flatMap(({ framework }) => {
    const under = suite.tasks.find(({ name }) => name === `under ${framework}`)
    const cases = (under as RunnerTestSuite | undefined)?.tasks.filter(({ mode }) => mode === 'run') ?? []
    return numberedTraps()
      .filter((number) => !cases.some(({ name }) => name.startsWith(`trap ${number}: `)))
      .map((number) => `trap ${number} under ${framework}`)
  })
}

/** Belongs into the group of one database, beside those of its frameworks. */
export function trapCoverageCase(): void {
  it('every numbered trap has a case under each framework', ({ task }) => {
    expect(numberedTraps().length).toBeGreaterThan(8)
    expect(uncoveredTraps(task.suite ?? { tasks: [] })).toEqual([])
  })
}
