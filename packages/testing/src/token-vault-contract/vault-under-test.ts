import type { FakeProviderProfile } from '../fake-provider.ts'

/** The providers of a vault of the contract. */
export type ProviderUnderTest = 'acme' | 'other'

/** How a case names a grant. */
export interface SelectorUnderTest {
  readonly tenantId: string
  readonly provider: ProviderUnderTest
  readonly account?: string
}

export interface TokenUnderTest {
  readonly value: string
  readonly expiresAt: Date | null
  readonly valid: boolean
}

interface TokenInput {
  readonly value: string
  readonly expiresAt?: Date | null
}

/** A grant, as far as cases look at it. */
export interface GrantUnderTest {
  readonly id: string
  readonly tenantId: string
  readonly provider: string
  readonly account: string
  readonly status: string
  readonly expiresAt: Date | null
  readonly metadata: object
  readonly version: number
  readonly lastErrorCode: string | null
}

/** A grant with its tokens. */
export interface OpenGrantUnderTest extends GrantUnderTest {
  readonly tokens: { readonly [Type in TokenTypeUnderTest]?: TokenUnderTest }
}

/** What an access token comes with. */
export interface FreshUnderTest {
  readonly accessToken: string
  readonly expiresAt: Date | null
  readonly version: number
  readonly isStale: boolean
}

/** A token's state, as far as cases look at it. */
export interface TokenInfoUnderTest {
  readonly id: string
  readonly tokenType: string
  readonly identifier: string | null
  readonly expiresAt: Date | null
  readonly isValid: string
}

/** The shape of `TokenVault` of `@waxseal/drizzle`, repeated here because this package imports none of ours. */
export interface VaultUnderTest {
  storeToken(
    tenantId: string,
    provider: ProviderUnderTest,
    tokenType: TokenTypeUnderTest,
    token: TokenInput & { readonly identifier?: string | null },
  ): Promise<string>
  getToken(
    tenantId: string,
    provider: ProviderUnderTest,
    tokenType: TokenTypeUnderTest,
    identifier?: string | null,
  ): Promise<(TokenInfoUnderTest & { readonly value: string }) | null>
  getAccessToken(
    tenantId: string,
    provider: ProviderUnderTest,
    identifier?: string | null,
    refreshBufferMinutes?: number,
  ): Promise<{ readonly token: string; readonly needsRefresh: boolean } | null>
  getRefreshToken(tenantId: string, provider: ProviderUnderTest, identifier?: string | null): Promise<string | null>
  markTokenInvalid(id: string, error: unknown, options?: { readonly tenantId?: string }): Promise<void>
  deleteToken(id: string, options?: { readonly tenantId?: string }): Promise<void>
  deleteProviderTokens(tenantId: string, provider: ProviderUnderTest): Promise<void>
  findExpiringTokens(withinMinutes: number, provider?: ProviderUnderTest): Promise<readonly TokenInfoUnderTest[]>
  putGrant(
    input: SelectorUnderTest & {
      readonly tokens: { readonly access_token: TokenInput; readonly refresh_token?: TokenInput }
      readonly metadata?: Readonly<Record<string, unknown>>
    },
  ): Promise<GrantUnderTest>
  getGrant(selector: SelectorUnderTest): Promise<OpenGrantUnderTest | null>
  listGrants(query?: {
    readonly tenantId?: string
    readonly status?: 'ACTIVE' | 'REVOKED'
    readonly limit?: number
    readonly cursor?: string
  }): Promise<{ readonly grants: readonly GrantUnderTest[]; readonly cursor?: string }>
  countGrants(filter?: { readonly tenantId?: string }): Promise<Readonly<Record<string, number>>>
  setGrantMetadata(
    selector: SelectorUnderTest,
    metadata: Readonly<Record<string, unknown>>,
  ): Promise<GrantUnderTest | null>
  revokeGrant(selector: SelectorUnderTest): Promise<GrantUnderTest | null>
  deleteGrant(selector: SelectorUnderTest): Promise<boolean>
  getFreshAccessToken(selector: SelectorUnderTest, options?: { readonly signal?: AbortSignal }): Promise<FreshUnderTest>
  reportUnauthorized(selector: SelectorUnderTest, version: number): Promise<FreshUnderTest>
  refreshGrant(selector: SelectorUnderTest): Promise<FreshUnderTest>
  dispose(): Promise<void>
}

export type TokenTypeUnderTest = 'access_token' | 'refresh_token' | 'api_key' | 'webhook_secret'

/** What a vault of the contract is made with: its providers, by the two names that cases use. */
export interface VaultContractOptions {
  readonly providers: {
    readonly acme: FakeProviderProfile & {
      readonly refreshTimeoutSeconds: number
      readonly defaultLifetimeSeconds: number
    }
    /** Refreshes nothing. */
    readonly other: Record<never, never>
  }
}

/** A vault, and what can be done to its table behind its back. */
export interface VaultFixture {
  readonly vault: VaultUnderTest
  /** Another vault on the same table with the same options: that of a second process. */
  reopen(): VaultUnderTest | Promise<VaultUnderTest>
  /** Everything that the table holds, as the database's own driver gives it. */
  rawRows(): Promise<readonly object[]>
  /** Exchanges the sealed tokens of two grants. */
  swapTokens(one: SelectorUnderTest, other: SelectorUnderTest): Promise<void>
}

/** Makes a vault over an empty table; called once per case. */
export type CreateVault = (options: VaultContractOptions) => VaultFixture | Promise<VaultFixture>
