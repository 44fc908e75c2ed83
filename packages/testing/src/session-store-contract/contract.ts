import type { TestRunner } from '../test-runner.ts'
import { completionCases } from './completion-cases.ts'
import { faultCases } from './fault-cases.ts'
import { lifeCases } from './life-cases.ts'
import { listingCases } from './listing-cases.ts'
import { newSetUp } from './set-up.ts'
import { throughCallbacks, throughPromises } from './store-calls.ts'
import type { ConflictPolicy, CreateStore } from './store-under-test.ts'
import { tableCases } from './table-cases.ts'
import { writeCases } from './write-cases.ts'

/** What a store under contract promises where stores may differ. */
export interface StoreSemantics {
  /** Handed to the factory as an option. Default `merge`. */
  readonly conflict?: ConflictPolicy
}

/**
 * Registers the cases that every session store must pass, whatever its database: what Express, Fastify and the app's
 * own code rely on, as far as a store alone can show it. The cases of `docs/sessions.md` that need a framework are not
 * among them.
 *
 * @param runner what registers a case
 * @param create makes a store over an empty table; called once per case
 * @example
 * sessionStoreContract({ describe, it }, (options) => fixtureOf(new MemoryTable(), options), { conflict: 'reject' })
 */
export function sessionStoreContract(
  { describe, it }: TestRunner,
  create: CreateStore,
  { conflict = 'merge' }: StoreSemantics = {},
): void {
  const setUp = newSetUp(create, conflict)
  describe('session store', () => {
    completionCases(it, setUp)
    faultCases(it, setUp)
    tableCases(it, setUp)
    for (const calls of [throughPromises, throughCallbacks]) {
      describe(`through ${calls.through}`, () => {
        lifeCases(it, setUp, calls)
        writeCases(it, setUp, calls)
        listingCases(it, setUp, calls)
      })
    }
  })
}
