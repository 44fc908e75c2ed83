import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, WaxsealError } from '@waxseal/core'
import { type GrantName, type GrantStatus, mainTypeOf, type TokenType, tokenTypes } from './grant.ts'
import type { GrantReads } from './grant-reads.ts'
import type { GrantRow, KeptGrant, ListedRow } from './grant-row.ts'
import type { GrantDetails, GrantRows, SealedValue } from './grant-rows.ts'
import type { ReportedError } from './reported-error.ts'
import { type SealedTokens, sealedTokens, type Token, type TokenSealer, type Tokens } from './sealed-tokens.ts'

/** What a write brings; what it does not name stays as it is. */
export interface GrantChange extends Partial<GrantDetails> {
  readonly tokens: Tokens
}

/** What has become known of a grant's tokens. Without status or error, those of the row stay. */
export interface Amendment {
  readonly tokens: Tokens
  readonly status?: GrantStatus | undefined
  readonly error?: ReportedError
}

/** A row and the tokens in it; none while it is being or has been revoked. */
export interface OpenRow {
  readonly row: GrantRow
  readonly tokens: Tokens
}

/** Seals grants at once, whatever becomes of the key service. */
export interface PreparedGrants {
  seal(tokens: Tokens, id: string, name: GrantName): SealedValue
  /** Gives the key up. */
  release(): void
}

/** Every failure means that another write of the same grant succeeded; so many in a row is no race any more. */
const MOST_ATTEMPTS = 100

/** In milliseconds, for each attempt so far. */
const PAUSE = 2

/**
 * Reads and writes grants: opens what it read, changes it, seals it for the row's own id, and writes it where nothing
 * came in between, else starts over.
 */
export class Grants {
  readonly #rows: GrantRows
  readonly #reads: GrantReads
  readonly #sealer: TokenSealer
  readonly #clock: Clock

  constructor(rows: GrantRows, reads: GrantReads, sealer: TokenSealer, clock: Clock) {
    this.#rows = rows
    this.#reads = reads
    this.#sealer = sealer
    this.#clock = clock
  }

  /** Throws the envelope's errors for a row that does not open: an outage must not look like "not connected". */
  async read(name: GrantName): Promise<OpenRow | undefined> {
    const row = await this.#rows.find(name)
    return row && this.#opened(row)
  }

  /** As {@link read}, of a row no more than serving its tokens takes. */
  async readKept(name: GrantName): Promise<{ row: KeptGrant; tokens: Tokens } | undefined> {
    const row = await this.#reads.find(name)
    return row && this.#opened(row)
  }

  /** What is sealed in the row, whether it may be used or not. */
  async open(row: GrantName & Pick<GrantRow, 'id' | 'encryptedValue'>): Promise<Tokens> {
    return row.encryptedValue === null ? {} : this.#sealer.open(row.encryptedValue, row.id, row)
  }

  /** Inserts the grant, or merges into it. A grant that is revoked starts anew. */
  async store(name: GrantName, { tokens: given, scopes, metadata }: GrantChange): Promise<ListedRow> {
    return this.#untilWritten(async () => {
      const row = await this.#rows.find(name)
      const id = row?.id ?? randomUUID()
      const kept = row && isInUse(row) && !isWhole(name, given) ? await this.open(row) : {}
      const tokens = { ...kept, ...given }
      const value = await this.#seal(tokens, id, name)
      const details = { scopes: scopes ?? row?.scopes ?? [], metadata: metadata ?? row?.metadata ?? {} }
      if (row === undefined) return this.#rows.insert(id, name, value, details)
      const replacesAuthority = !isInUse(row) || Object.keys(given).some((type) => type !== 'access_token')
      return this.#rows.renew(row, value, details, replacesAuthority)
    })
  }

  /**
   * Changes what is known of the tokens of one row, whose id the caller has; the row goes with its last token.
   *
   * @param tenantId undefined: of any tenant
   * @param change undefined: nothing is to be done
   */
  async amend(
    id: string,
    tenantId: string | undefined,
    change: (read: OpenRow) => Amendment | undefined,
  ): Promise<void> {
    await this.#untilWritten(async () => {
      const found = await this.#rows.findById(id, tenantId)
      if (found === undefined || !isInUse(found) || (tenantId !== undefined && found.tenantId !== tenantId)) return true
      const { row, tokens } = await this.#opened(found)
      const amendment = change({ row, tokens })
      if (amendment === undefined) return true
      if (tokenTypes.every((type) => amendment.tokens[type] === undefined)) return this.#rows.deleteAsRead(row)
      const value = await this.#seal(amendment.tokens, id, row)
      const losesAuthority = tokens.refresh_token !== undefined && amendment.tokens.refresh_token === undefined
      return this.#rows.amend(row, value, amendment, losesAuthority)
    })
  }

  /** Marks an access token that has expired, by what the row holds by then: a new one may have come meanwhile. */
  async expire({ id, tenantId }: Pick<ListedRow, 'id' | 'tenantId'>): Promise<void> {
    await this.amend(id, tenantId, ({ row, tokens }) => {
      const token = tokens.access_token
      if (token === undefined || !token.valid || !this.hasExpired(token)) return undefined
      const isOver = row.status === 'ACTIVE' && !this.isUsable(tokens.refresh_token)
      const status = isOver ? 'EXPIRED' : undefined
      return { tokens: { ...tokens, access_token: { ...token, valid: false } }, status }
    })
  }

  isUsable(token: Token | undefined): boolean {
    return token?.valid === true && !this.hasExpired(token)
  }

  hasExpired({ expiresAt }: Pick<Token, 'expiresAt'>): boolean {
    return expiresAt !== null && expiresAt.getTime() <= this.#clock.now()
  }

  /** For before a call that cannot be repeated: what it brings can be sealed then. */
  async prepare(): Promise<PreparedGrants> {
    const sealer = await this.#sealer.prepare()
    return {
      seal: (tokens, id, name) => this.#valueOf(tokens, name, sealer.seal(tokens, id, name)),
      release: () => sealer.release(),
    }
  }

  /** Of a record that was sealed earlier, for this row: throws the envelope's errors where it was not. */
  async restore(record: Uint8Array, id: string, name: GrantName): Promise<{ tokens: Tokens; value: SealedValue }> {
    const tokens = await this.#sealer.open(record, id, name)
    return { tokens, value: this.#valueOf(tokens, name, sealedTokens(record)) }
  }

  async #opened<Row extends KeptGrant | GrantRow>(row: Row): Promise<{ row: Row; tokens: Tokens }> {
    if (!isInUse(row)) return { row, tokens: {} }
    const tokens = await this.open(row)
    return { row: row.status === 'QUARANTINED' ? await this.lifted(row) : row, tokens }
  }

  /** Of a row in quarantine that opens, what it is from now on. */
  async lifted<Row extends KeptGrant | GrantRow>(row: Row): Promise<Row> {
    return { ...row, status: (await this.#rows.lift(row)) ?? row.status }
  }

  async #seal(tokens: Tokens, id: string, name: GrantName): Promise<SealedValue> {
    return this.#valueOf(tokens, name, await this.#sealer.seal(tokens, id, name))
  }

  #valueOf(tokens: Tokens, name: GrantName, { record, kid }: SealedTokens): SealedValue {
    return {
      encryptedValue: record,
      kid,
      expiresAt: this.#usableUntil(tokens, name),
      refreshExpiresAt: tokens.refresh_token?.expiresAt ?? null,
    }
  }

  /** Of a grant that has no valid access token: now, at the latest, so that it is due to be refreshed. */
  #usableUntil(tokens: Tokens, { kind }: GrantName): Date | null {
    const token = tokens[mainTypeOf(kind)]
    if (token?.valid) return token.expiresAt
    return new Date(Math.min(token?.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY, this.#clock.now()))
  }

  async #untilWritten<T>(attempt: () => Promise<T | undefined | false>): Promise<T> {
    for (let attempts = 1; attempts <= MOST_ATTEMPTS; attempts++) {
      const written = await attempt()
      if (written !== undefined && written !== false) return written
      await sleep(Math.random() * PAUSE * attempts)
    }
    throw new WaxsealError('ERR_WAXSEAL_GRANT_CONFLICT', 'Other writes of this grant kept coming first', {
      retryable: true,
    })
  }
}

/** Whether the tokens of a row may be used at all. */
export function isInUse({ status }: Pick<ListedRow, 'status'>): boolean {
  return status !== 'REVOKING' && status !== 'REVOKED'
}

/** Whether these are all the tokens that such a grant can have, so that those in the row do not matter. */
function isWhole({ kind }: GrantName, tokens: Tokens): boolean {
  const types: readonly TokenType[] = kind === 'oauth' ? ['access_token', 'refresh_token'] : [kind]
  return types.every((type) => tokens[type] !== undefined)
}
