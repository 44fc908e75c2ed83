import { checkInstant, checkUuid, misuse } from './arguments.ts'
import { type GrantName, type GrantStatus, kindOf, type TokenType, tokenTypes } from './grant.ts'
import type { ListedRow } from './grant-row.ts'
import { reportedError } from './reported-error.ts'
import { newToken, type Token, type TokenInput, type Tokens } from './sealed-tokens.ts'
import { observed } from './vault-events.ts'
import type { VaultParts } from './vault-parts.ts'

/** A token's place and state, without its value. */
export interface TokenInfo<Provider extends string = string> {
  /** `<grant id>:<token type>`, for the calls that take an id; opaque otherwise. */
  readonly id: string
  readonly tenantId: string
  readonly provider: Provider
  readonly tokenType: TokenType
  /** The account; null for a tenant with one. */
  readonly identifier: string | null
  readonly expiresAt: Date | null
  /**
   * `true` while nothing is known against token and grant; `unknown` while the provider cannot be asked; `false` for a
   * token that expired or was reported invalid, and where the tenant must connect the account again.
   */
  readonly isValid: 'true' | 'false' | 'unknown'
  /** Up to now or half a second ago; null: never. */
  readonly lastUsedAt: Date | null
}

export interface DecryptedToken<Provider extends string = string> extends TokenInfo<Provider> {
  readonly value: string
}

/** For calls by id. */
export interface IdOptions {
  /** Does nothing to a token of another tenant. Default: the id alone decides. Required under row-level security. */
  readonly tenantId?: string
}

/**
 * Tokens one by one, by tenant, provider, type and identifier. Each keeps an expiry and validity of its own; an access
 * token and a refresh token of the same account lie in one row all the same, so that both or neither are written.
 *
 * Errors of every call: `ERR_WAXSEAL_ARGUMENT` at once for what can never work; those of the envelope, so
 * `ERR_WAXSEAL_INTEGRITY` for a row that was altered or copied; `ERR_WAXSEAL_STORE_UNAVAILABLE`, `_TABLE_INVALID` and
 * `_CONFIG` from the database. None of them, and no event, says anything of a token.
 */
export class TokenVaultService<Provider extends string = string> {
  protected readonly parts: VaultParts

  constructor(parts: VaultParts) {
    this.parts = parts
  }

  /**
   * Inserts a token or replaces it, and clears what was known against its grant. The other tokens of the account stay.
   *
   * @returns the token's id
   * @throws WaxsealError `ERR_WAXSEAL_GRANT_TENANT_UNKNOWN` where the tenant is a foreign key; `ERR_WAXSEAL_GRANT_CONFLICT`
   */
  async storeToken(
    tenantId: string,
    provider: Provider,
    tokenType: TokenType,
    token: TokenInput & { readonly identifier?: string | null },
  ): Promise<string> {
    const name = this.#name(tenantId, provider, tokenType, token.identifier)
    const tokens = { [tokenType]: newToken(token) }
    const { id } = await observed('store', name, () => this.parts.grants.store(name, { tokens }))
    return `${id}:${tokenType}`
  }

  /** The token, whatever its validity; null where there is none. Notes the use. */
  async getToken(
    tenantId: string,
    provider: Provider,
    tokenType: TokenType,
    identifier?: string | null,
  ): Promise<DecryptedToken<Provider> | null> {
    const name = this.#name(tenantId, provider, tokenType, identifier)
    const found = await this.#use(name, tokenType, () => this.parts.grants.read(name))
    return found && { ...this.#info(found.row, tokenType, found.token), value: found.token.value }
  }

  /**
   * The access token; null when there is none, or it expired or was reported invalid. One that expired is marked so.
   * An access token that still runs is given also where its refresh token is known to be of no use.
   *
   * @param refreshBufferMinutes how long before its expiry `needsRefresh` becomes true; default 5
   */
  async getAccessToken(
    tenantId: string,
    provider: Provider,
    identifier?: string | null,
    refreshBufferMinutes = 5,
  ): Promise<{ token: string; needsRefresh: boolean } | null> {
    if (!(refreshBufferMinutes >= 0)) misuse('refreshBufferMinutes must be a number, not negative')
    const name = this.#name(tenantId, provider, 'access_token', identifier)
    const found = await this.#use(name, 'access_token', () => this.parts.grants.readKept(name))
    if (found === null || !found.token.valid) return null
    const { value, expiresAt } = found.token
    const left = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt.getTime() - this.parts.now()
    if (left > 0) return { token: value, needsRefresh: left <= refreshBufferMinutes * 60_000 }
    const { row } = found
    await observed('expire', row, () => this.parts.grants.expire(row))
    return null
  }

  /** The refresh token; null when there is none, or it expired or was reported invalid. Notes the use. */
  async getRefreshToken(tenantId: string, provider: Provider, identifier?: string | null): Promise<string | null> {
    const name = this.#name(tenantId, provider, 'refresh_token', identifier)
    const found = await this.#use(name, 'refresh_token', () => this.parts.grants.readKept(name))
    if (found === null || !this.parts.grants.isUsable(found.token)) return null
    return found.token.value
  }

  /**
   * Marks one token invalid, without any harm to the others: a grant with a refresh token can still be refreshed. Where
   * the token was the refresh token, or there is none, the grant becomes `REAUTH_REQUIRED`. Does nothing where the
   * token is gone.
   *
   * @param error of its text, an OAuth error code and an HTTP status are kept, and nothing else
   */
  async markTokenInvalid(id: string, error: unknown, options: IdOptions = {}): Promise<void> {
    const { grantId, tokenType, tenantId } = this.#parse(id, options)
    await observed('invalidate', { id: grantId }, () =>
      this.parts.grants.amend(grantId, tenantId, ({ tokens }) => {
        const token = tokens[tokenType]
        if (token === undefined) return undefined
        const remains = tokenType === 'access_token' && this.parts.grants.isUsable(tokens.refresh_token)
        return {
          tokens: { ...tokens, [tokenType]: { ...token, valid: false } },
          status: remains ? undefined : 'REAUTH_REQUIRED',
          error: reportedError(error),
        }
      }),
    )
  }

  /** Removes one token, and with the last one the grant. Does nothing where it is gone. The provider is not told. */
  async deleteToken(id: string, options: IdOptions = {}): Promise<void> {
    const { grantId, tokenType, tenantId } = this.#parse(id, options)
    await observed('delete', { id: grantId }, () =>
      this.parts.grants.amend(grantId, tenantId, ({ tokens: { [tokenType]: removed, ...tokens } }) =>
        removed === undefined ? undefined : { tokens },
      ),
    )
  }

  /** Removes every token of a tenant at a provider, of all accounts. The provider is not told. */
  async deleteProviderTokens(tenantId: string, provider: Provider): Promise<void> {
    const tenant = this.parts.tenantId(tenantId)
    const name = this.parts.provider(provider)
    await observed('delete', { provider: name }, () => this.parts.rows.deleteProvider(tenant, name))
  }

  /** The valid access tokens of all tenants that expire within so many minutes, the first to expire first. Opens none. */
  async findExpiringTokens(withinMinutes: number, provider?: Provider): Promise<TokenInfo<Provider>[]> {
    const name = provider === undefined ? undefined : this.parts.provider(provider)
    const now = this.parts.now()
    const until = checkInstant('the end of withinMinutes', new Date(now + withinMinutes * 60_000)) as Date
    const rows = await observed('list', { provider: name }, () =>
      this.parts.rows.listExpiring(new Date(now), until, name),
    )
    return rows.map((row) => this.#info(row, 'access_token', { expiresAt: row.expiresAt, valid: true }))
  }

  #name(tenantId: string, provider: Provider, tokenType: TokenType, identifier: string | null | undefined) {
    if (!tokenTypes.includes(tokenType)) misuse(`tokenType must be one of ${tokenTypes.join(', ')}`)
    return this.parts.name({ tenantId, provider, account: identifier ?? '', kind: kindOf(tokenType) })
  }

  async #use<Row extends Pick<ListedRow, 'id' | 'tenantId'>>(
    name: GrantName,
    tokenType: TokenType,
    readRow: () => Promise<{ readonly row: Row; readonly tokens: Tokens } | undefined>,
  ) {
    const read = await observed('get', name, readRow)
    const token = read?.tokens[tokenType]
    if (read === undefined || token === undefined) return null
    this.parts.usage.note(read.row, this.parts.now())
    return { row: read.row, token }
  }

  #parse(id: string, { tenantId }: IdOptions) {
    const [grantId, type, ...rest] = typeof id === 'string' ? id.split(':') : []
    const tokenType = tokenTypes.find((known) => known === type)
    if (tokenType === undefined || rest.length > 0) misuse('id must be one that storeToken or getToken gave')
    if (tenantId === undefined && this.parts.isTenantBound) misuse('row-level security needs the tenantId too')
    const tenant = tenantId === undefined ? undefined : this.parts.tenantId(tenantId)
    return { grantId: checkUuid('the first part of id', grantId), tokenType, tenantId: tenant }
  }

  #info(row: ListedRow, tokenType: TokenType, token: Pick<Token, 'expiresAt' | 'valid'>): TokenInfo<Provider> {
    return {
      id: `${row.id}:${tokenType}`,
      tenantId: row.tenantId,
      provider: row.provider as Provider,
      tokenType,
      identifier: row.account === '' ? null : row.account,
      expiresAt: token.expiresAt,
      isValid: token.valid && !this.parts.grants.hasExpired(token) ? validityOf(row.status) : 'false',
      lastUsedAt: row.lastUsedAt,
    }
  }
}

function validityOf(status: GrantStatus): 'true' | 'false' | 'unknown' {
  if (status === 'ACTIVE') return 'true'
  return status === 'REFRESH_FAILED' || status === 'CONFIG_ERROR' ? 'unknown' : 'false'
}
