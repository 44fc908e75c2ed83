/** Tests of the contract itself (here, because the kit may import no package of ours): a store that is broken in one way fails it, and at the case meant for that. */
import { type CreateStore, sessionStoreContract } from '@waxseal/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { brokenCalls } from './support/broken-calls.ts'
import { brokenPromises } from './support/broken-promises.ts'
import { brokenRows } from './support/broken-rows.ts'
import { memoryFixture } from './support/contract-store.ts'

/** The names of the cases that a store fails. */
async function failuresOf(create: CreateStore): Promise<string[]> {
  const cases: { name: string; body: () => Promise<void> }[] = []
  sessionStoreContract({ describe: (_, body) => body(), it: (name, body) => cases.push({ name, body }) }, create)
  const failures = new Set<string>()
  for (const { name, body } of cases) await body().catch(() => failures.add(name))
  return [...failures].sort()
}

afterEach(() => void vi.restoreAllMocks())

describe('the session store contract', () => {
  it('passes a store that is right', async () => {
    expect(await failuresOf((options) => memoryFixture(options))).toEqual([])
  })

  it.each(Object.entries({ ...brokenCalls, ...brokenRows, ...brokenPromises }))(
    'fails %s',
    async (_, { create, fails, also = [] }) => {
      expect(await failuresOf(create)).toEqual([fails, ...also].sort())
    },
  )
})
