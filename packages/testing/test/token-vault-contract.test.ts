/** Tests of the contract itself: a vault that is broken in one way fails it, and at the case meant for that. */
import { describe, expect, it } from 'vitest'
import { type CreateVault, tokenVaultContract } from '../src/index.ts'
import { brokenRefreshes } from './support/broken-refreshes.ts'
import { brokenVaults } from './support/broken-vaults.ts'
import { referenceFixture } from './support/reference-fixture.ts'

// Cases wait for what a provider is given to answer, and a vault that is broken lets them wait until they give up.
const timeout = 120_000

/** The names of the cases that a vault fails; they run beside each other. */
async function failuresOf(create: CreateVault): Promise<string[]> {
  const cases: { name: string; body: () => Promise<void> }[] = []
  tokenVaultContract({ describe: (_, body) => body(), it: (name, body) => cases.push({ name, body }) }, create)
  const failures = cases.map(async ({ name, body }) =>
    body().then(
      () => [],
      () => [name],
    ),
  )
  return (await Promise.all(failures)).flat().sort()
}

describe('the token vault contract', () => {
  it('passes a vault that is right', { timeout }, async () => {
    expect(await failuresOf(referenceFixture())).toEqual([])
  })

  it.concurrent.each(Object.entries({ ...brokenVaults, ...brokenRefreshes }))(
    'fails %s',
    { timeout },
    async (_, { Vault, fails, also = [] }) => {
      expect(await failuresOf(referenceFixture(Vault))).toEqual([fails, ...also].sort())
    },
  )
})
