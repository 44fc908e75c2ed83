import { setTimeout as sleep } from 'node:timers/promises'
import { recordFromText, WaxsealError } from '@waxseal/core'
import type { GrantName } from '../grant.ts'
import type { GrantRow } from '../grant-row.ts'
import type { GrantRows, SealedValue } from '../grant-rows.ts'
import { type Grants, isInUse } from '../grants.ts'
import { asGrant, type Grant } from '../open-grant.ts'
import type { ProviderProfiles } from '../provider-profile.ts'
import { tellProvider } from '../revocation.ts'
import type { Tokens } from '../sealed-tokens.ts'
import { observed } from '../vault-events.ts'
import type { RefreshRows } from './refresh-rows.ts'
import { type OnPersistFailure, type SavedGrant, savedGrant } from './saved-grant.ts'
import { until } from './until.ts'

/** What a refresh brought. */
export interface Renewed {
  readonly tokens: Tokens
  readonly value: SealedValue
  /** Undefined: as before. */
  readonly scopes: readonly string[] | undefined
}

/**
 * - `written`: it is in the table.
 * - `superseded`: a newer refresh token is, and this one is dropped.
 * - `withdrawn`: the grant was revoked or deleted meanwhile, and the provider has been told of these tokens too.
 * - `unwritten`: the database takes nothing; `onPersistFailure` has it.
 */
export type Written = 'written' | 'superseded' | 'withdrawn' | 'unwritten'

export interface WriterParts {
  readonly refreshRows: RefreshRows
  readonly rows: GrantRows
  readonly grants: Grants
  readonly profiles: ProviderProfiles
  readonly onPersistFailure: OnPersistFailure | undefined
}

/** Pauses before each attempt to write, in milliseconds, up to twice as long by chance: three to six seconds in all. */
const PAUSES = [0, 100, 200, 400, 800, 1600]

/** How long those wait for `onPersistFailure` who wait for the token, in milliseconds: what it writes to may be down as well. */
const HOOK_TIMEOUT = 5000

/** Writes down what cannot be had again: from memory, as often as it takes, and into other hands where that is of no use. */
export class RefreshWriter {
  readonly #parts: WriterParts

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  /** @param claimed as it was then; what is written depends on its version. Never rejects. */
  async write(claimed: GrantRow, renewed: Renewed): Promise<Written> {
    for (const pause of PAUSES) {
      await sleep(pause * (1 + Math.random()))
      const written = await this.#writeOnce(claimed, renewed).catch(() => undefined)
      if (written === 'withdrawn') await this.#giveBack(claimed, renewed)
      if (written !== undefined) return written
    }
    const saved = savedGrant(claimed, renewed.value, renewed.scopes)
    const handOver = async () => {
      const kept = Promise.resolve(this.#parts.onPersistFailure?.(saved))
      await until(kept, HOOK_TIMEOUT, () => new Error('no end in time'))
      // Told to those who listen at the level of a failure, whether or not somebody has the record now.
      throw new WaxsealError('ERR_WAXSEAL_STORE_UNAVAILABLE', 'What a refresh brought could not be written')
    }
    await observed('save', claimed, handOver).catch(() => {})
    return 'unwritten'
  }

  /** Writes what {@link write} could not; whether it is in the table. Throws the envelope's and the database's errors. */
  async recover({ id, version, record, scopes, ...name }: SavedGrant): Promise<boolean> {
    const { tokens, value } = await this.#parts.grants.restore(recordFromText(record), id, name)
    const row = await this.#parts.rows.find(name)
    if (row === undefined || row.id !== id) return false
    const renewed = { tokens, value, scopes: scopes ?? undefined }
    const written = await this.#writeOnce({ ...row, version }, renewed)
    if (written === 'withdrawn') await this.#giveBack(row, renewed)
    return written === 'written'
  }

  /** Undefined: to be repeated. */
  async #writeOnce(claimed: GrantRow, { value, scopes }: Renewed): Promise<Written | undefined> {
    const written = await this.#parts.refreshRows.commit(claimed, value, scopes)
    if (written !== undefined) return 'written'
    // By its names: a grant that was deleted and connected again is another row, and its tokens are in use.
    const row = await this.#parts.rows.find(nameOf(claimed))
    if (row === undefined || !isInUse(row)) return 'withdrawn'
    if (row.id !== claimed.id) return 'superseded'
    // An attempt whose acknowledgement was lost.
    if (Buffer.compare(row.encryptedValue ?? new Uint8Array(), value.encryptedValue) === 0) return 'written'
    return row.version === claimed.version ? undefined : 'superseded'
  }

  /** As well as it goes: nobody would ever hear of these tokens otherwise. */
  async #giveBack(row: GrantRow, { tokens }: Renewed): Promise<void> {
    const profile = this.#parts.profiles[row.provider]
    if (profile?.revoke === undefined) return
    const revoke = profile.revoke.bind(profile)
    await observed('revoke', row, () => tellProvider(revoke, { ...asGrant<Grant>(row), tokens })).catch(() => {})
  }
}

function nameOf({ tenantId, provider, account, kind }: GrantRow): GrantName {
  return { tenantId, provider, account, kind }
}
