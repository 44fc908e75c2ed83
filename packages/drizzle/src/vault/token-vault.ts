import { checkInstant, checkSignal, checkUuid, checkVersion, misuse } from './arguments.ts'
import { type GrantName, type GrantStatus, grantStatuses } from './grant.ts'
import { checkMetadata, checkScopes, checkTokens, type TokenInputs } from './grant-input.ts'
import type { GrantRow } from './grant-row.ts'
import type { RowFilter } from './grant-rows.ts'
import { asGrant, type Grant, type OpenGrant } from './open-grant.ts'
import type { GrantMetadata, MetadataOf, ProviderName, ProviderProfile, ProviderProfiles } from './provider-profile.ts'
import { checkSavedGrant, type SavedGrant } from './refresh/saved-grant.ts'
import type { Demand, FreshAccessToken } from './refresh/standing.ts'
import { refreshSweep, type SweepCounts, type SweepOptions } from './refresh/sweep.ts'
import { unlessAborted } from './refresh/until.ts'
import { tellProvider } from './revocation.ts'
import type { RotationOptions, RotationProgress } from './rotation/rotation.ts'
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

/** Which OAuth grant. */
export type OAuthSelector<Provider extends string> = Omit<GrantSelector<Provider>, 'kind'>

export interface WaitOptions {
  /** Ends this call's wait, with its reason, and nothing of a refresh that is under way. */
  readonly signal?: AbortSignal | undefined
}

export interface PruneOutboxOptions {
  /** Seconds that an event stays at least. */
  readonly olderThanSeconds: number
  /** Ends it after the batch under way, with its reason. */
  readonly signal?: AbortSignal | undefined
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

  /**
   * An access token to send, refreshed where it is about to expire. However many calls and processes ask, one of them asks the
   * provider; it waits, the others get the old token at once while that runs for half a minute more, else they wait too.
   *
   * @throws WaxsealError `ERR_WAXSEAL_GRANT_NOT_FOUND`; `_GRANT_REAUTH_REQUIRED`, the user must connect again;
   *   `_GRANT_REFRESH_FAILED` (retryable), the provider gave none and the old one has expired; `_GRANT_REFRESH_PENDING`
   *   (retryable), somebody else's refresh took too long; `ERR_WAXSEAL_CONFIG`, the provider refuses the app itself
   * @example
   * const { accessToken } = await vault.getFreshAccessToken({ tenantId, provider: 'google' })
   */
  async getFreshAccessToken(
    selector: OAuthSelector<ProviderName<Profiles>>,
    { signal }: WaitOptions = {},
  ): Promise<FreshAccessToken> {
    return this.#fresh(selector, () => undefined, signal)
  }

  /**
   * For an API that answered 401: a newer access token than the one of `version`. Fifty reports of one token make one refresh;
   * a token that is less than a minute old is not refreshed again, which is `ERR_WAXSEAL_GRANT_REFRESH_FAILED`. Errors as
   * {@link getFreshAccessToken} has them.
   *
   * @param version of the access token that was refused
   */
  async reportUnauthorized(
    selector: OAuthSelector<ProviderName<Profiles>>,
    version: number,
    { signal }: WaitOptions = {},
  ): Promise<FreshAccessToken> {
    checkVersion('version', version)
    return this.#fresh(selector, () => ({ version, reason: 'refused' }), signal)
  }

  /**
   * Refreshes a grant now, whatever its expiry: for a button. A token that is less than a minute old is given as it is, and so is
   * one that runs while nobody knows whether its refresh token was spent. Errors as {@link getFreshAccessToken} has them.
   */
  async refreshGrant(
    selector: OAuthSelector<ProviderName<Profiles>>,
    { signal }: WaitOptions = {},
  ): Promise<FreshAccessToken> {
    const demanded = async (name: GrantName): Promise<Demand | undefined> => {
      const row = await this.parts.rows.find(name)
      return row && { version: row.version, reason: 'renewal' }
    }
    return this.#fresh(selector, demanded, signal)
  }

  /**
   * Refreshes what is about to expire, of all tenants, before anybody asks: for a job that runs every minute or so, in as many
   * processes as you like. Needs `systemDb` under row-level security. Grants that are not refreshed keep no others from it; why is
   * in the events and in their rows.
   */
  async refreshSweep(options: SweepOptions = {}): Promise<SweepCounts> {
    checkSignal(options.signal)
    return refreshSweep(this.parts.refresher, options)
  }

  /**
   * Writes what `onPersistFailure` was given, unless the grant has been refreshed, connected anew, revoked or deleted since.
   *
   * @returns whether it is in the table
   * @throws WaxsealError `ERR_WAXSEAL_INTEGRITY` and the like for what was not sealed for that grant
   */
  async recoverGrant(saved: SavedGrant): Promise<boolean> {
    const checked = checkSavedGrant(saved, this.parts.name(saved))
    return observed('recover', checked, () => this.parts.writer.recover(checked))
  }

  /**
   * Opens the records of all tenants, and seals anew those that are not under the keys that the keyring seals with today;
   * beside all other calls, refreshes included. Can be repeated: what is done stays done. A record that does not open makes its
   * grant `QUARANTINED` until it opens again, unless no record opens at all. Needs `systemDb` under row-level security.
   *
   * @throws WaxsealError `ERR_WAXSEAL_KEY_UNAVAILABLE` and the database's errors, after which it can go on;
   *   `ERR_WAXSEAL_INTEGRITY` where none of the first hundred records opens: a wrong key or encryption context
   * @example
   * await vault.rotate({ limitPerSecond: 200, onProgress: ({ rows, cursor }) => log.info({ rows, cursor }) })
   */
  async rotate(options: RotationOptions = {}): Promise<RotationProgress> {
    checkSignal(options.signal)
    return observed('rotate', {}, () => this.parts.rotation.run(options))
  }

  /**
   * Removes events from the outbox, of all tenants, in small batches: for a job that runs now and then. Needs `systemDb` under
   * row-level security.
   *
   * @returns how many they were
   * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` where the vault has no outbox
   */
  async pruneOutbox({ olderThanSeconds, signal }: PruneOutboxOptions): Promise<number> {
    if (!(olderThanSeconds >= 0 && olderThanSeconds < 1e9)) misuse('olderThanSeconds must be a number, not negative')
    checkSignal(signal)
    const rows = this.parts.outboxRows ?? misuse('the vault has no outbox: it is an option of createTokenVault')
    return observed('prune', {}, () => rows.prune(olderThanSeconds, signal))
  }

  /** Removes a grant and its row. The provider is not told. Resolves to whether it was there. */
  async deleteGrant(selector: GrantSelector<ProviderName<Profiles>>): Promise<boolean> {
    const name = this.parts.name(selector)
    return observed('delete', name, () => this.parts.rows.delete(name))
  }

  /**
   * Waits for refreshes that are under way and writes what is left to write of uses. Ends nothing of the caller's: the database
   * can be closed afterwards.
   */
  async dispose(): Promise<void> {
    await this.parts.refresher.ended()
    await this.parts.usage.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  async #fresh(
    selector: OAuthSelector<string>,
    demanded: (name: GrantName) => Demand | undefined | Promise<Demand | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<FreshAccessToken> {
    const name = this.parts.name({ ...selector, kind: 'oauth' })
    checkSignal(signal)
    const call = async () => {
      signal?.throwIfAborted()
      return this.parts.refresher.get(name, await demanded(name), signal)
    }
    // Whoever does not answer, the database or the key service as well as the provider.
    return observed('get', name, () => unlessAborted(call(), signal))
  }

  #filter(filter: GrantFilter<string>): RowFilter {
    const { tenantId, provider } = filter
    // An id that is missing by mistake must not show one tenant the grants of all.
    if ('tenantId' in filter && tenantId === undefined) misuse('tenantId is undefined: leave it out for all tenants')
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
