/** The contract of every session store, under each policy. */
import { type ConflictPolicy, sessionStoreContract } from '@waxseal/testing'
import { describe, it } from 'vitest'
import { memoryFixture } from './support/contract-store.ts'

describe.each<ConflictPolicy>(['merge', 'reject', 'lastWriteWins'])('%s', (conflict) => {
  sessionStoreContract({ describe, it }, (options) => memoryFixture(options), { conflict })
})
