import { type Clock, type Envelope, systemClock } from '@waxseal/core'
import type { PostgresDatabase } from '../database.ts'
import { checkName, LONGEST_PROVIDER, misuse, tenantIdCheck } from './arguments.ts'
import type { GrantKind, GrantName } from './grant.ts'
import { GrantReads } from './grant-reads.ts'
import { GrantRows } from './grant-rows.ts'
import { Grants } from './grants.ts'
import { OutboxRows } from './outbox/outbox-rows.ts'
import type { TokenVaultOutbox } from './outbox/outbox-table.ts'
import type { ProviderProfiles } from './provider-profile.ts'
import { RefreshRows } from './refresh/refresh-rows.ts'
import { refreshSettings } from './refresh/refresh-settings.ts'
import { RefreshWriter } from './refresh/refresh-writer.ts'
import { Refresher } from './refresh/refresher.ts'
import type { OnPersistFailure } from './refresh/saved-grant.ts'
import { Rotation } from './rotation/rotation.ts'
import { RotationRows } from './rotation/rotation-rows.ts'
import { isTenantBound, type TokenVaultTable, tokenVault } from './schema.ts'
import { TokenSealer } from './sealed-tokens.ts'
import { Usage } from './usage.ts'
import { VaultDatabase } from './vault-database.ts'

/** Options of `createTokenVault`. */
export interface TokenVaultOptions<Profiles extends ProviderProfiles> {
  /**
   * A Drizzle database on Postgres: its connections are made, configured and closed by the caller. No transaction, and
   * with read replicas `db.$primary`.
   */
  readonly db: PostgresDatabase
  /**
   * Under row-level security, a database whose role sees the rows of all tenants: for sweeps, rotation, and lists and
   * counts without a tenant, which reject without it. Closed by the caller.
   */
  readonly systemDb?: PostgresDatabase
  /** What `createTokenVaultTable` made. Default `tokenVault`, the table `token_vault`. */
  readonly table?: TokenVaultTable
  /**
   * What `createTokenVaultOutbox` made: in it the vault writes what happens to its grants, each event in the statement that makes it
   * happen. Default: none, and nothing is written.
   */
  readonly outbox?: TokenVaultOutbox
  /** Seals and opens the tokens; the vault adds `purpose: vault` to its encryption context. */
  readonly envelope: Envelope
  /** The app's own providers by name; no other name is taken. */
  readonly providers: Profiles
  /**
   * Name bound into every record: a record copied to a table of another logical name does not open. Set it when two
   * vaults of different meaning share one key. Default `token_vault`.
   */
  readonly logicalName?: string
  /**
   * Called with what a refresh brought where the database took it for several seconds no more: the only refresh token that
   * the provider takes from then on. Keep it, and hand it to `recoverGrant`. Without it, such a grant must be connected
   * again. It is waited for 5 seconds at the most. A rejection, or no end by then, is an event and nothing else.
   */
  readonly onPersistFailure?: OnPersistFailure
  /**
   * Whether the server keeps the vault's statements, so that it need not understand them anew for every call. Only
   * node-postgres does so, and only without a pooler in transaction mode between, unless that keeps track of them (PgBouncer
   * from 1.21 on, `max_prepared_statements`). Default false.
   */
  readonly preparedStatements?: boolean
  /** For tests. */
  readonly clock?: Clock
}

/** How callers name a grant. */
export interface GrantSelector<Provider extends string = string> {
  readonly tenantId: string
  readonly provider: Provider
  /** Which of the tenant's accounts at the provider, at most 255 characters. Default '', for a tenant with one. */
  readonly account?: string | null
  /** Default `oauth`. */
  readonly kind?: GrantKind
}

/** What the two faces of a vault, tokens and grants, work with. */
export class VaultParts {
  readonly rows: GrantRows
  readonly grants: Grants
  readonly usage: Usage
  /** Undefined: there is none. */
  readonly outboxRows: OutboxRows | undefined
  readonly refresher: Refresher
  readonly writer: RefreshWriter
  readonly rotation: Rotation
  readonly profiles: ProviderProfiles
  readonly tenantId: (value: unknown) => string
  /** Whether calls by id must name the tenant too. */
  readonly isTenantBound: boolean
  readonly #clock: Clock

  /** Throws `ERR_WAXSEAL_ARGUMENT`, naming the option. */
  constructor(options: TokenVaultOptions<ProviderProfiles>) {
    const { db, systemDb, table = tokenVault, outbox, envelope, providers, onPersistFailure } = options
    const { logicalName = 'token_vault', preparedStatements, clock = systemClock } = options
    if (typeof envelope?.sealJson !== 'function') misuse('envelope must come from createEnvelope()')
    if (typeof providers !== 'object' || providers === null) misuse('providers must be an object of profiles by name')
    for (const name of Object.keys(providers)) checkName('the name of a provider', name, LONGEST_PROVIDER)
    if (onPersistFailure !== undefined && typeof onPersistFailure !== 'function') {
      misuse('onPersistFailure must be a function')
    }
    const settings = refreshSettings(providers)
    const database = new VaultDatabase({ db, systemDb, table, outbox, preparedStatements })
    this.rows = new GrantRows(database, table)
    const sealer = new TokenSealer(envelope, logicalName)
    this.grants = new Grants(this.rows, new GrantReads(database), sealer, clock)
    this.rotation = new Rotation(new RotationRows(database), this.rows, sealer)
    this.usage = new Usage(this.rows)
    this.outboxRows = outbox && new OutboxRows(database, outbox)
    const { rows, grants, usage } = this
    const refreshRows = new RefreshRows(database)
    this.writer = new RefreshWriter({ refreshRows, rows, grants, profiles: providers, onPersistFailure })
    const { writer } = this
    const protocol = { database, refreshRows, grants, usage, writer, profiles: providers, settings, clock }
    this.refresher = new Refresher(protocol)
    this.profiles = providers
    this.tenantId = tenantIdCheck(table.tenantId)
    this.isTenantBound = isTenantBound(table)
    this.#clock = clock
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now()
  }

  name({ tenantId, provider, account, kind = 'oauth' }: GrantSelector): GrantName {
    if (kind !== 'oauth' && kind !== 'api_key' && kind !== 'webhook_secret') misuse('kind is none of a grant')
    return {
      tenantId: this.tenantId(tenantId),
      provider: this.provider(provider),
      account: checkName('account', account ?? ''),
      kind,
    }
  }

  provider(name: unknown): string {
    const isKnown = typeof name === 'string' && Object.hasOwn(this.profiles, name)
    return isKnown ? name : misuse('provider is none of the names that createTokenVault was given')
  }
}
