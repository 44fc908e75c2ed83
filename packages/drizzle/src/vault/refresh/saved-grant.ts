import { recordToText } from '@waxseal/core'
import { checkUuid, checkVersion, misuse } from '../arguments.ts'
import type { GrantName } from '../grant.ts'
import { checkScopes } from '../grant-input.ts'
import type { GrantRow } from '../grant-row.ts'
import type { SealedValue } from '../grant-rows.ts'

/**
 * What a refresh brought and the database did not take: sealed, as JSON can hold it. While it is not recovered, nobody else has a
 * refresh token that the provider takes.
 */
export interface SavedGrant extends GrantName {
  /** Of the grant. */
  readonly id: string
  /** The one that was refreshed: recovering does nothing to a grant that has moved on since. */
  readonly version: number
  /** The tokens, sealed; the text form of a record. */
  readonly record: string
  /** Null: as before. */
  readonly scopes: readonly string[] | null
}

/** Called with what could not be written. Keep it where it outlives the process, and hand it to `recoverGrant` later. */
export type OnPersistFailure = (saved: SavedGrant) => Promise<void> | void

export function savedGrant(claimed: GrantRow, value: SealedValue, scopes: readonly string[] | undefined): SavedGrant {
  const { id, version, tenantId, provider, account, kind } = claimed
  const record = recordToText(value.encryptedValue)
  return { id, version, tenantId, provider, account, kind, record, scopes: scopes ?? null }
}

/** Throws `ERR_WAXSEAL_ARGUMENT` for what no `onPersistFailure` was given. */
export function checkSavedGrant({ id, version, record, scopes }: SavedGrant, name: GrantName): SavedGrant {
  if (typeof record !== 'string') misuse('saved must be what onPersistFailure was given')
  return {
    ...name,
    id: checkUuid('saved.id', id),
    version: checkVersion('saved.version', version),
    record,
    scopes: scopes === null ? null : checkScopes(scopes),
  }
}
