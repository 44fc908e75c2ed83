import { randomUUID } from 'node:crypto'
import type {
  ProviderUnderTest,
  TokenInfoUnderTest,
  TokenTypeUnderTest,
  TokenUnderTest,
  VaultContractOptions,
} from '../../src/index.ts'
import { type Kind, type Name, type ReferenceTable, type Row, type Tokens, VaultError } from './reference-table.ts'

const types: readonly TokenTypeUnderTest[] = ['access_token', 'refresh_token', 'api_key', 'webhook_secret']

export interface Input {
  readonly value: string
  readonly expiresAt?: Date | null
}

/** The smallest vault that passes the contract: the rules, over a table in memory. Here, tokens one by one. */
export class ReferenceTokens {
  protected readonly table: ReferenceTable
  protected readonly providers: VaultContractOptions['providers']

  constructor(table: ReferenceTable, providers: VaultContractOptions['providers']) {
    this.table = table
    this.providers = providers
  }

  async storeToken(
    tenantId: string,
    provider: ProviderUnderTest,
    type: TokenTypeUnderTest,
    { identifier, ...input }: Input & { identifier?: string | null },
  ): Promise<string> {
    const name = this.name(tenantId, provider, identifier, kindOf(type))
    const { id } = await this.merge(name, { [type]: newToken(input) })
    return `${id}:${type}`
  }

  async getToken(
    tenantId: string,
    provider: ProviderUnderTest,
    type: TokenTypeUnderTest,
    identifier?: string | null,
  ): Promise<(TokenInfoUnderTest & { value: string }) | null> {
    const found = await this.#find(tenantId, provider, type, identifier)
    return found && { ...this.#info(found.row, type, found.token), value: found.token.value }
  }

  async getAccessToken(
    tenantId: string,
    provider: ProviderUnderTest,
    identifier?: string | null,
    refreshBufferMinutes = 5,
  ): Promise<{ token: string; needsRefresh: boolean } | null> {
    const found = await this.#find(tenantId, provider, 'access_token', identifier)
    if (found === null || !found.token.valid) return null
    const { value, expiresAt } = found.token
    const left = (expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now()
    if (!this.hasExpired(found.token)) return { token: value, needsRefresh: left <= refreshBufferMinutes * 60_000 }
    const invalid = { ...found.token, valid: false }
    await this.amend(found.row.id, undefined, ({ access_token, ...rest }) =>
      access_token?.value === value ? { tokens: { ...rest, access_token: invalid } } : undefined,
    )
    return null
  }

  async getRefreshToken(tenantId: string, provider: ProviderUnderTest, identifier?: string | null) {
    const found = await this.#find(tenantId, provider, 'refresh_token', identifier)
    return found?.token.valid && !this.hasExpired(found.token) ? found.token.value : null
  }

  async markTokenInvalid(id: string, error: unknown, options: { tenantId?: string } = {}): Promise<void> {
    const { grant, type } = parse(id)
    const code = /invalid_grant|invalid_token/.exec(String(error))?.[0] ?? 'unknown'
    await this.amend(grant, options.tenantId, (tokens) => {
      const token = tokens[type]
      if (token === undefined) return undefined
      const remains = type === 'access_token' && tokens.refresh_token?.valid
      const status = remains ? {} : { status: 'REAUTH_REQUIRED' }
      return { tokens: this.invalidate(tokens, type), change: { ...status, lastErrorCode: code } }
    })
  }

  async deleteToken(id: string, options: { tenantId?: string } = {}): Promise<void> {
    const { grant, type } = parse(id)
    await this.amend(grant, options.tenantId, ({ [type]: token, ...tokens }) => token && { tokens })
  }

  async deleteProviderTokens(tenantId: string, provider: ProviderUnderTest): Promise<void> {
    await this.table.delete((row) => row.tenantId === tenantId && row.provider === provider)
  }

  async findExpiringTokens(withinMinutes: number, provider?: ProviderUnderTest): Promise<TokenInfoUnderTest[]> {
    const [now, until] = [Date.now(), Date.now() + withinMinutes * 60_000]
    const isExpiring = ({ expiresAt, kind }: Row) =>
      kind === 'oauth' && expiresAt !== null && expiresAt > now && expiresAt <= until
    const rows = await this.table.select((row) => isExpiring(row) && [undefined, row.provider].includes(provider))
    rows.sort((one, other) => Number(one.expiresAt) - Number(other.expiresAt))
    return rows.map((row) => this.#info(row, 'access_token', { expiresAt: asDate(row.expiresAt), valid: true }))
  }

  protected name(tenantId: string, provider: string, account: string | null | undefined, kind: Kind): Name {
    if (tenantId === '' || !Object.hasOwn(this.providers, provider)) throw new VaultError('ERR_WAXSEAL_ARGUMENT')
    return { tenantId, provider, account: account ?? '', kind }
  }

  protected hasExpired({ expiresAt }: Pick<TokenUnderTest, 'expiresAt'>): boolean {
    return expiresAt !== null && expiresAt.getTime() <= Date.now()
  }

  protected invalidate(tokens: Tokens, type: TokenTypeUnderTest): Tokens {
    const token = tokens[type]
    return token === undefined ? tokens : { ...tokens, [type]: { ...token, valid: false } }
  }

  /** What a record is bound to. */
  protected bound({ tenantId, provider, account, kind, id }: Row): string {
    return JSON.stringify([tenantId, provider, account, kind, id])
  }

  protected open(row: Row): Tokens {
    return row.sealed === null || isWithdrawn(row) ? {} : this.table.open(row.sealed, this.bound(row))
  }

  protected sealed(tokens: Tokens, row: Row): Pick<Row, 'sealed' | 'expiresAt'> {
    const token = tokens.access_token ?? tokens.api_key ?? tokens.webhook_secret
    const end = token?.expiresAt?.getTime() ?? null
    const expiresAt = token?.valid ? end : Math.min(end ?? Number.POSITIVE_INFINITY, Date.now())
    return { sealed: this.table.seal(tokens, this.bound(row)), expiresAt }
  }

  /** Whether nothing has come in between. */
  protected isAsRead(read: Row): (row: Row) => boolean {
    return ({ version, sealed }) => version === read.version && sealed === read.sealed
  }

  /** What a new refresh token brings: a refresh that is under way is about the past. */
  protected newAuthority({ version }: Row): Partial<Row> {
    return { version: version + 1, leaseOwner: null, leaseUntil: 0, attempt: false, doubt: false, retryAfter: 0 }
  }

  /** Another access token leaves the version alone. */
  protected isNewAuthority(given: Tokens, row: Row): boolean {
    return isWithdrawn(row) || Object.keys(given).some((type) => type !== 'access_token')
  }

  protected async merge(name: Name, given: Tokens, details: { metadata?: object } = {}): Promise<Row> {
    for (;;) {
      const row = await this.table.find(name)
      const base = row ?? newRow(name)
      const isWhole = Object.keys(given).length === (name.kind === 'oauth' ? 2 : 1)
      const tokens = { ...(isWhole ? {} : this.open(base)), ...given }
      const change = { ...this.sealed(tokens, base), ...details, status: 'ACTIVE', lastErrorCode: null }
      if (row === undefined) {
        const inserted = { ...base, ...change }
        if (await this.table.insert(inserted)) return inserted
        continue
      }
      const authority = this.isNewAuthority(given, row) ? this.newAuthority(row) : {}
      const updated = await this.table.update(row.id, this.isAsRead(row), { ...change, ...authority })
      if (updated !== undefined) return updated
    }
  }

  protected async amend(
    id: string,
    tenantId: string | undefined,
    change: (tokens: Tokens) => { tokens: Tokens; change?: Partial<Row> } | undefined,
  ): Promise<void> {
    for (;;) {
      const [row] = await this.table.select((row) => row.id === id && [undefined, row.tenantId].includes(tenantId))
      if (row === undefined) return
      const tokens = this.open(row)
      const amended = change(tokens)
      if (amended === undefined) return
      const isAsRead = this.isAsRead(row)
      if (Object.keys(amended.tokens).length === 0) {
        if ((await this.table.delete((row) => row.id === id && isAsRead(row))) > 0) return
        continue
      }
      const isReduced = tokens.refresh_token !== undefined && amended.tokens.refresh_token === undefined
      const authority = isReduced ? this.newAuthority(row) : {}
      const written = { ...this.sealed(amended.tokens, row), ...authority, ...amended.change }
      if ((await this.table.update(id, isAsRead, written)) !== undefined) return
    }
  }

  async #find(tenantId: string, provider: string, type: TokenTypeUnderTest, identifier: string | null | undefined) {
    const row = await this.table.find(this.name(tenantId, provider, identifier, kindOf(type)))
    const token = row && this.open(row)[type]
    return row === undefined || token === undefined ? null : { row, token }
  }

  #info(row: Row, tokenType: TokenTypeUnderTest, token: Pick<TokenUnderTest, 'expiresAt' | 'valid'>) {
    const isUnknown = row.status === 'REFRESH_FAILED' || row.status === 'CONFIG_ERROR'
    const ofGrant = row.status === 'ACTIVE' ? 'true' : isUnknown ? 'unknown' : 'false'
    const isValid = token.valid && !this.hasExpired(token) ? ofGrant : 'false'
    const identifier = row.account === '' ? null : row.account
    return { id: `${row.id}:${tokenType}`, tokenType, identifier, expiresAt: token.expiresAt, isValid }
  }
}

export function isWithdrawn({ status }: Row): boolean {
  return status === 'REVOKING' || status === 'REVOKED'
}

export function newToken({ value, expiresAt = null }: Input): TokenUnderTest {
  if (value === '' || Number.isNaN(expiresAt?.getTime())) throw new VaultError('ERR_WAXSEAL_ARGUMENT')
  return { value, expiresAt, valid: true }
}

export function asDate(instant: number | null): Date | null {
  return instant === null ? null : new Date(instant)
}

function newRow(name: Name): Row {
  return {
    ...name,
    id: randomUUID(),
    sealed: null,
    status: 'ACTIVE',
    expiresAt: null,
    metadata: {},
    version: 1,
    leaseOwner: null,
    leaseUntil: 0,
    attempt: false,
    doubt: false,
    retryAfter: 0,
    lastRefreshedAt: 0,
    lastErrorCode: null,
  }
}

function kindOf(type: TokenTypeUnderTest): Kind {
  return type === 'api_key' || type === 'webhook_secret' ? type : 'oauth'
}

function parse(id: string) {
  const [grant = '', named] = id.split(':')
  const type = types.find((known) => known === named)
  if (type === undefined) throw new VaultError('ERR_WAXSEAL_ARGUMENT')
  return { grant, type }
}
