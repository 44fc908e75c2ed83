import type { FakeTokenResponse } from '../../src/index.ts'
import type { BrokenVault } from './reference-fixture.ts'
import type { Row } from './reference-table.ts'
import { ReferenceVault, type Refusal } from './reference-vault.ts'

const LOST = 'tells a rotation whose answer was lost from a user who disconnected'
const STORM = 'makes one refresh in a storm of four processes with twenty-five calls each'

/** Vaults that refresh wrongly. */
export const brokenRefreshes: Readonly<Record<string, BrokenVault>> = {
  'a vault that refreshes for every caller': {
    Vault: class extends ReferenceVault {
      protected override isLeased() {
        return false
      }
    },
    fails: STORM,
    also: [
      'makes one refresh of fifty reports that the API took an access token no more',
      'makes one refresh of twenty-five calls, and one of two processes',
      'serves no access token that ends within half a minute while a new one is on its way',
    ],
  },
  'a vault that keeps what a refresh brought only while the lease is its own': {
    Vault: class extends ReferenceVault {
      protected override isCommitted({ leaseOwner }: Row) {
        return (row: Row) => row.leaseOwner === leaseOwner
      }
    },
    fails: 'keeps tokens that come after the time is over: the provider takes no others',
  },
  'a vault whose refresh brings a revoked grant back': {
    Vault: class extends ReferenceVault {
      protected override withdrawal() {
        return {}
      }
    },
    fails: 'brings no grant back that is revoked during a refresh, and tells the provider of what came',
  },
  'a vault whose refresh goes over the tokens of a new consent': {
    Vault: class extends ReferenceVault {
      protected override isCommitted() {
        return ({ status }: Row) => status !== 'REVOKED'
      }
    },
    fails: 'keeps the tokens of a user who connects again during a refresh',
    also: ['makes one token of a grant that is stored and refreshed at once by many'],
  },
  'a vault that gives a new consent up because the former one was refused': {
    Vault: class extends ReferenceVault {
      protected override isFailed() {
        return () => true
      }
    },
    fails: 'gives no refresh up because a former one was refused',
  },
  'a vault that deletes a grant whose user disconnected': {
    Vault: class extends ReferenceVault {
      protected override async end(row: Row, refusal: Refusal) {
        if (refusal.lastErrorCode !== 'invalid_grant') return super.end(row, refusal)
        await this.table.delete(({ id }) => id === row.id)
      }
    },
    fails: 'keeps a grant whose user has disconnected, serves what still runs, and asks no more',
    also: [
      'gives no refresh up because a former one was refused',
      'has a user who disconnected asked again, once nothing runs any more',
      LOST,
    ],
  },
  'a vault that goes on asking about a user who disconnected': {
    Vault: class extends ReferenceVault {
      protected override async end(row: Row, refusal: Refusal) {
        const isOver = refusal.status === 'REAUTH_REQUIRED'
        return super.end(row, isOver ? { ...refusal, status: 'REFRESH_FAILED', pause: 0 } : refusal)
      }
    },
    fails: 'has a user who disconnected asked again, once nothing runs any more',
    also: ['keeps a grant whose user has disconnected, serves what still runs, and asks no more', LOST],
  },
  'a vault that takes a missing lifetime for an endless one': {
    Vault: class extends ReferenceVault {
      protected override expiryOf(answer: FakeTokenResponse, sentAt: number) {
        return answer.expires_in === undefined ? null : super.expiryOf(answer, sentAt)
      }
    },
    fails: 'lets no access token run for ever where the answer has no lifetime',
  },
  'a vault that counts a lifetime from the answer': {
    Vault: class extends ReferenceVault {
      protected override expiryOf(answer: FakeTokenResponse) {
        return super.expiryOf(answer, Date.now())
      }
    },
    fails: 'counts an access token’s life from when the provider was asked',
  },
  'a vault in which everybody waits for the provider': {
    Vault: class extends ReferenceVault {
      protected override servesStale() {
        return false
      }
    },
    fails: 'serves the old access token at once while another call waits for the provider',
  },
  'a vault that serves what has nearly expired': {
    Vault: class extends ReferenceVault {
      protected override servesStale() {
        return true
      }
    },
    fails: 'serves no access token that ends within half a minute while a new one is on its way',
  },
  'a vault that waits for ever': {
    Vault: class extends ReferenceVault {
      // The longest time that a timer can be set for.
      protected override timeout() {
        return 2 ** 31 - 1
      }
    },
    fails: 'lets nobody wait for ever where the provider is silent',
    also: ['keeps tokens that come after the time is over: the provider takes no others'],
  },
  'a vault that spends a refresh token again while nobody knows what became of it': {
    Vault: class extends ReferenceVault {
      protected override dares() {
        return true
      }
    },
    fails: 'spends no refresh token that may have been spent while the access token still runs',
  },
  'a vault that takes a lost rotation for a user who disconnected': {
    Vault: class extends ReferenceVault {
      protected override async end(row: Row, refusal: Refusal) {
        return super.end(row, { ...refusal, isAnswered: true })
      }
    },
    fails: LOST,
    also: ['spends no refresh token that may have been spent while the access token still runs'],
  },
  'a vault that refreshes for every report': {
    Vault: class extends ReferenceVault {
      protected override isForced(_row: Row, reported: number | undefined) {
        return reported !== undefined
      }
    },
    fails: 'refreshes nothing for the report of an access token that is no longer the newest',
  },
  'a vault that takes no notice of Retry-After': {
    Vault: class extends ReferenceVault {
      protected override async end(row: Row, refusal: Refusal) {
        return super.end(row, { ...refusal, pause: 1000 })
      }
    },
    fails: 'leaves a provider alone for as long as it asks',
  },
  'a vault whose end waits for nothing': {
    Vault: class extends ReferenceVault {
      override async dispose() {}
    },
    fails: 'waits with its end for a refresh that is under way',
  },
}
