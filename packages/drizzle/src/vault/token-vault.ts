import { checkInstant, checkUuid, misuse } from './arguments.ts'
import { type GrantStatus, grantStatuses } from './grant.ts'
import { checkMetadata, checkScopes, checkTokens, type TokenInputs } from './grant-input.ts'
import type { GrantRow, ListedRow } from './grant-row.ts'
import type { RowFilter } from './grant-rows.ts'
import type { Grant, OpenGrant } from './open-grant.ts'
import type { GrantMetadata, MetadataOf, ProviderName, ProviderProfile, ProviderProfiles } from './provider-profile.ts'
import { tellProvider } from './revocation.ts'
import { TokenVaultService } from './token-vault-service.ts'
import { observed } from './vault-events.ts'
import { type GrantSelector, type TokenVaultOptions, VaultParts } from './vault-parts.ts'

/** What `putGrant` takes. The kind is that of the tokens. */
export interface GrantInput<Provider extends string, Metadata extends GrantMetadata>
  extends Omit<GrantSelector<Provider>, 'kind'> {
  readonly tokens: TokenInputs
  /** What the grant allows; at first none. */
  readonly scopes?: readonly string[]
  /** The app's own, in the clear: never a secret. At first `{}`. */
  readonly metadata?: Metadata
}

/** What grants are narrowed to; absent: not at all. */
export interface GrantFilter<Provider extends string> {
  readonly tenantId?: string
  readonly provider?: Provider
}

/** What `listGrants` takes. */
export interface GrantQuery<Provider extends string> extends GrantFilter<Provider> {
  readonly status?: GrantStatus
  /** Those whose access token, or only secret, can be used no more from an instant before this one on. */
  readonly expiringBefore?: Date
  /** Grants in a page, 1 to 1,000. Default 100. */
  readonly limit?: number
  /** Where the page before ended. */
  readonly cursor?: string
}

/** One page of grants, by id. */
export interface GrantPage<SomeGrant> {
  readonly grants: SomeGrant[]
  /** For the next page; absent after the last one. */
  readonly cursor?: string
}

/** Any grant of an app's providers, told apart by `provider`. */
export type GrantOf<Profiles extends ProviderProfiles> = {
  [Name in ProviderName<Profiles>]: Grant<Name, MetadataOf<Profiles[Name]>>
}[ProviderName<Profiles>]

/**
 * OAuth grants and other secrets of many tenants, sealed in Postgres. Every call is made of single statements, each
 * conditional on what was read; none runs in a transaction of the app's. {@link TokenVaultService} has the calls for single
 * tokens, and the errors of all calls.
 */
export class TokenVault<Profiles extends ProviderProfiles> extends TokenVaultService<ProviderName<Profiles>> {
  /**
   * Stores the tokens of a grant, and clears what was known against it. What is not given stays: a provider that sends no
   * refresh token the second time has not taken the first one back. A grant that is revoked starts anew.
   *
   * @throws WaxsealError `ERR_WAXSEAL_GRANT_TENANT_UNKNOWN` where the tenant is a foreign key; `ERR_WAXSEAL_GRANT_CONFLICT`
   */
  async putGrant<Name extends ProviderName<Profiles>>(
    input: GrantInput<Name, MetadataOf<Profiles[Name]>>,
  ): Promise<Grant<Name, MetadataOf<Profiles[Name]>>> {
    const { tokens, kind } = checkTokens(input.tokens)
    const name = this.parts.name({ ...input, kind })
    const scopes = input.scopes && checkScopes(input.scopes)
    const metadata = input.metadata && checkMetadata(input.metadata)
    const change = { tokens, ...(scopes && { scopes }), ...(metadata && { metadata }) }
    return asGrant(await observed('store', name, () => this.parts.grants.store(name, change)))
  }

  /** The grant with its tokens, or null. Notes the use. Of the calls for grants, only this one opens a record. */
  async getGrant<Name extends ProviderName<Profiles>>(
    selector: GrantSelector<Name>,
  ): Promise<OpenGrant<Name, MetadataOf<Profiles[Name]>> | null> {
    const name = this.parts.name(selector)
    const read = await observed('get', name, () => this.parts.grants.read(name))
    if (read === undefined) return null
    this.parts.usage.note(read.row, this.parts.now())
    return { ...asGrant(read.row), tokens: read.tokens }
  }

  /** One page of grants; opens none. Without a tenant, those of all tenants. */
  async listGrants(query: GrantQuery<ProviderName<Profiles>> = {}): Promise<GrantPage<GrantOf<Profiles>>> {
    const { status, expiringBefore, limit = 100, cursor } = query
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1000)) misuse('limit must be an integer from 1 to 1,000')
    if (status !== undefined && !grantStatuses.includes(status)) misuse('status is none of a grant')
    const before = checkInstant('expiringBefore', expiringBefore)
    const after = cursor === undefined ? undefined : checkUuid('cursor', cursor)
    const filter = { ...this.#filter(query), status, expiringBefore: before }
    const rows = await observed('list', filter, () => this.parts.rows.list(filter, limit, after))
    const last = rows.length < limit ? undefined : rows.at(-1)?.id
    const grants = rows.map((row) => asGrant<GrantOf<Profiles>>(row))
    return { grants, ...(last !== undefined && { cursor: last }) }
  }

  /** How many grants there are in each status; opens none. */
  async countGrants(filter: GrantFilter<ProviderName<Profiles>> = {}): Promise<Record<GrantStatus, number>> {
    const rows = this.#filter(filter)
    const counts = await observed('list', rows, () => this.parts.rows.count(rows))
    const zeros = Object.fromEntries(grantStatuses.map((status) => [status, 0])) as Record<GrantStatus, number>
    return Object.assign(zeros, Object.fromEntries(counts.map(({ status, grants }) => [status, grants])))
  }

  /** Replaces the metadata and nothing else, whatever happens to the tokens meanwhile; null where there is no grant. */
  async setGrantMetadata<Name extends ProviderName<Profiles>>(
    selector: GrantSelector<Name>,
    metadata: MetadataOf<Profiles[Name]>,
  ): Promise<Grant<Name, MetadataOf<Profiles[Name]>> | null> {
    const name = this.parts.name(selector)
    const checked = checkMetadata(metadata)
    const row = await observed('metadata', name, () => this.parts.rows.setMetadata(name, checked))
    return row === undefined ? null : asGrant(row)
  }

  /**
   * Takes a grant out of use at once, tells the provider, then erases the tokens; the row stays as `REVOKED`. Resolves to
   * the grant as it is then, null where there is none. One that was stored anew meanwhile stays in use.
   *
   * @throws WaxsealError `ERR_WAXSEAL_GRANT_REVOCATION_FAILED` (retryable) when the provider could not be told: the grant is
   *   `REVOKING`, of no more use, its tokens still sealed for the next call of this method
   */
  async revokeGrant<Name extends ProviderName<Profiles>>(
    selector: GrantSelector<Name>,
  ): Promise<Grant<Name, MetadataOf<Profiles[Name]>> | null> {
    const name = this.parts.name(selector)
    return observed('revoke', name, async () => {
      const row = (await this.parts.rows.beginRevoking(name)) ?? (await this.parts.rows.find(name))
      if (row === undefined) return null
      if (row.status !== 'REVOKING') return asGrant(row)
      await this.#tellProvider(row)
      const revoked = (await this.parts.rows.endRevoking(row)) ?? (await this.parts.rows.find(name))
      return revoked === undefined ? null : asGrant(revoked)
    })
  }

  /** Removes a grant and its row. The provider is not told. Resolves to whether it was there. */
  async deleteGrant(selector: GrantSelector<ProviderName<Profiles>>): Promise<boolean> {
    const name = this.parts.name(selector)
    return observed('delete', name, () => this.parts.rows.delete(name))
  }

  /** Writes what is left to write of uses, and ends nothing of the caller's: the database can be closed afterwards. */
  async dispose(): Promise<void> {
    await this.parts.usage.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  #filter({ tenantId, provider }: GrantFilter<string>): RowFilter {
    return {
      tenantId: tenantId === undefined ? undefined : this.parts.tenantId(tenantId),
      provider: provider === undefined ? undefined : this.parts.provider(provider),
    }
  }

  async #tellProvider(row: GrantRow): Promise<void> {
    const profile: ProviderProfile | undefined = this.parts.profiles[row.provider]
    if (profile?.revoke === undefined) return
    const grant = { ...asGrant<Grant>(row), tokens: await this.parts.grants.open(row) }
    await tellProvider(profile.revoke.bind(profile), grant)
  }
}

/** The row as callers know it, without the sealed value. */
function asGrant<SomeGrant extends Grant>({ encryptedValue: _, ...row }: ListedRow & Partial<GrantRow>): SomeGrant {
  // The compiler knows the app's types of provider and metadata; the row has what was stored under them.
  return row as ListedRow as unknown as SomeGrant
}

/**
 * A vault over the app's database. Does no I/O.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for an option that cannot work, a transaction in place of a database
 *   first of all
 * @example
 * const vault = createTokenVault({ db: drizzle(pool), envelope, providers: { google: {}, clerk: {} } })
 * await vault.putGrant({ tenantId, provider: 'google', tokens: { access_token: { value, expiresAt } } })
 */
export function createTokenVault<const Profiles extends ProviderProfiles>(
  options: TokenVaultOptions<Profiles>,
): TokenVault<Profiles> {
  return new TokenVault(new VaultParts(options))
}
