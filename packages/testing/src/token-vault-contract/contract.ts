import type { TestRunner } from '../test-runner.ts'
import { answerCases } from './answer-cases.ts'
import { grantCases } from './grant-cases.ts'
import { raceCases } from './race-cases.ts'
import { refreshCases } from './refresh-cases.ts'
import { secrecyCases } from './secrecy-cases.ts'
import { newSetUp } from './set-up.ts'
import { tokenCases } from './token-cases.ts'
import type { CreateVault } from './vault-under-test.ts'

/**
 * Registers the cases that every token vault must pass, whatever its database: tokens one by one, grants, and refreshing
 * against a provider that takes no refresh token twice. They run by the clock of the machine, and take some seconds.
 *
 * @param runner what registers a case
 * @param create makes a vault over an empty table; called once per case, or a few times
 * @example
 * tokenVaultContract({ describe, it }, ({ providers }) => fixtureOf(createTokenVault({ db, table, envelope, providers })))
 */
export function tokenVaultContract({ describe, it }: TestRunner, create: CreateVault): void {
  const setUp = newSetUp(create)
  describe('token vault', () => {
    describe('tokens', () => tokenCases(it, setUp))
    describe('grants', () => grantCases(it, setUp))
    describe('refresh', () => refreshCases(it, setUp))
    describe('answers', () => answerCases(it, setUp))
    describe('races', () => raceCases(it, setUp))
    describe('secrecy', () => secrecyCases(it, setUp))
  })
}
