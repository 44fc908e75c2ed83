import { WaxsealTypeError } from '@waxseal/core'
import { type BuildColumns, type SQL, sql } from 'drizzle-orm'
import {
  customType,
  getTableConfig,
  index,
  integer,
  jsonb,
  type PgColumn,
  type PgColumnBuilderBase,
  type PgTable,
  type PgTableWithColumns,
  pgPolicy,
  pgSchema,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { checkTableName } from '../table-name.ts'
import { askable, type GrantKind, type GrantStatus } from './grant.ts'

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })
const instant = (name: string) => timestamp(name, { withTimezone: true })
export const anyTenant = () => text('tenant_id').notNull()

/** One row is one grant, with all its tokens: in two rows, a rotation of both could be written half. */
const columns = () => ({
  id: uuid('id').primaryKey(),
  provider: text('provider').notNull(),
  /** '' where a tenant has one account only: with NULL, a unique index would let duplicates in. */
  account: text('account').notNull().default(''),
  kind: text('kind').$type<GrantKind>().notNull(),
  /** The sealed tokens; null once they are erased. */
  encryptedValue: bytea('encrypted_value'),
  /** The key-encryption key of the sealed tokens. */
  kid: text('kid'),
  status: text('status').$type<GrantStatus>().notNull(),
  /** Where a grant that is QUARANTINED stood before, and stands again once its record opens. */
  statusBefore: text('status_before').$type<GrantStatus>(),
  /** From when on no access token can be served; null: not known to expire. */
  expiresAt: instant('expires_at'),
  refreshExpiresAt: instant('refresh_expires_at'),
  scopes: text('scopes').array().notNull(),
  /** The app's own, not secret: it stands in the clear. */
  metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull(),
  /** One more whenever the refresh token or its authority changes; nothing else moves it. */
  version: integer('version').notNull(),
  leaseOwner: text('lease_owner'),
  leaseUntil: instant('lease_until'),
  attemptStartedAt: instant('attempt_started_at'),
  inDoubtSince: instant('in_doubt_since'),
  retryAfter: instant('retry_after'),
  failures: integer('failures').notNull(),
  /** An OAuth error code, or `unknown`. */
  lastErrorCode: text('last_error_code'),
  /** That code and an HTTP status: never the words of a provider, which may quote a token. */
  lastError: text('last_error'),
  lastUsedAt: instant('last_used_at'),
  lastRefreshedAt: instant('last_refreshed_at'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

type Columns = ReturnType<typeof columns>

/** Columns by the names that they have in code. */
export type ColumnBuilders = Record<string, PgColumnBuilderBase>

export interface TokenVaultTableOptions<TenantId extends PgColumnBuilderBase, Extra extends ColumnBuilders> {
  /** Default `token_vault`. At most 48 bytes. */
  readonly name?: string
  /** The Postgres schema that it stands in; by default none is named, and `search_path` decides. */
  readonly schema?: string
  /**
   * Default `text('tenant_id').notNull()`. A uuid, text, varchar or integer column that is not null; give it a foreign
   * key, so that a tenant's tokens go when the tenant goes.
   */
  readonly tenantId?: TenantId
  /**
   * Row-level security, forced: a tenant's rows are there for transactions alone in which that tenant is set, as the vault
   * and `withTenant` do it. `systemRole` is the role of `systemDb`, which sees the rows of all tenants; without it, that of
   * `systemDb` needs BYPASSRLS. Default false.
   */
  readonly rls?: boolean | { readonly systemRole: string }
  /** Columns of the app's own. The vault never writes them: they are nullable or have defaults. */
  readonly extraColumns?: Extra
}

/** The table that {@link createTokenVaultTable} makes of a tenant's column and extra ones. Written out: what the compiler infers
 * loses Postgres on its way into a declaration file. */
export type TokenVaultTableOf<TenantId extends PgColumnBuilderBase, Extra extends ColumnBuilders> = PgTableWithColumns<{
  name: string
  schema: undefined
  columns: BuildColumns<string, Columns & { tenantId: TenantId } & Extra, 'pg'>
  dialect: 'pg'
}>

/** Any table that {@link createTokenVaultTable} makes. */
export type TokenVaultTable = PgTable & { readonly [Name in keyof Columns | 'tenantId']: PgColumn }

/**
 * The table of a token vault for a Drizzle schema: re-export it, and drizzle-kit makes its migration. Without drizzle-kit,
 * `migrateTokenVault` creates it, or the SQL of `tokenVaultSql`.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for a tenant column that may be null or is of another type, for an extra column
 *   with the name of one of ours, and for a name that is too long.
 * @example
 * export const tokenVault = createTokenVaultTable({
 *   tenantId: uuid('tenant_id').notNull().references(() => tenants.id, { onDelete: 'cascade' }),
 * })
 */
export function createTokenVaultTable<
  TenantId extends PgColumnBuilderBase = ReturnType<typeof anyTenant>,
  Extra extends ColumnBuilders = Record<never, never>,
>(options: TokenVaultTableOptions<TenantId, Extra> = {}): TokenVaultTableOf<TenantId, Extra> {
  const { name = 'token_vault', schema, tenantId = anyTenant(), rls = false, extraColumns = {} } = options
  checkTableName('createTokenVaultTable', name)
  // Types of tables tell a named schema from none; nothing here depends on it, and one type for both spares a generic.
  const define = schema === undefined ? pgTable : (pgSchema(schema).table as unknown as typeof pgTable)
  const { id, ...rest } = columns()
  const taken = Object.keys(extraColumns).find((name) => name === 'tenantId' || name in rest || name === 'id')
  if (taken !== undefined) fail('createTokenVaultTable', `the vault has a column ${taken} of its own`)
  // What the defaults stand for: an option that is not given has the default type too.
  const builders = { id, tenantId, ...rest, ...extraColumns } as Columns & { tenantId: TenantId } & Extra
  const table: TokenVaultTableOf<TenantId, Extra> = define(name, builders, (self) => {
    const { tenantId, provider, account, kind, expiresAt, status } = self as unknown as Record<string, PgColumn> & Names
    return [
      // No constraint: drizzle-kit reads the columns of one back in another order, and would push it anew each time.
      uniqueIndex(`${name}_grant_key`).on(tenantId, provider, account, kind),
      index(`${name}_tenant_idx`).on(tenantId, provider),
      // Without those that nobody can refresh any more: they come first, and every sweep would read them all.
      index(`${name}_expiry_idx`).on(expiresAt).where(isAskable(status)),
      ...(rls === false ? [] : policies(name, (table as unknown as TokenVaultTable).tenantId, rls)),
    ]
  })
  if (rls !== false) table.enableRLS()
  checkTenantColumn('createTokenVaultTable', (table as unknown as TokenVaultTable).tenantId)
  return table
}

/** The columns that constraints and indexes are on. */
type Names = Record<'tenantId' | 'provider' | 'account' | 'kind' | 'expiresAt' | 'status', PgColumn>

/** Written out: of parameters, Postgres cannot always tell that they are what an index is made for. */
export function isAskable(status: PgColumn): SQL {
  return sql`${status} in (${sql.raw(askable.map((name) => `'${name}'`).join(', '))})`
}

/** Whether row-level security shows the rows of one tenant at a time. */
export function isTenantBound(table: PgTable): boolean {
  return getTableConfig(table).enableRLS
}

/** The table as {@link createTokenVaultTable} makes it without options. */
export const tokenVault = createTokenVaultTable()

/** Those of a table with row-level security, see {@link TokenVaultTableOptions.rls}. */
export function policies(name: string, tenantId: PgColumn, rls: true | { readonly systemRole: string }) {
  const policy = (suffix: string, to: string, rows: SQL) =>
    pgPolicy(`${name}_${suffix}`, { as: 'permissive', for: 'all', to, using: rows, withCheck: rows })
  const type = tenantId.getSQLType()
  const cast = /^(text|varchar)/.test(type) ? sql.empty() : sql.raw(`::${type}`)
  // Once it was set in a connection, the setting is '' where it is not set.
  const current = sql`nullif(current_setting('waxseal.tenant_id', true), '')${cast}`
  const ofTenant = policy('tenant', 'public', sql`${sql.identifier(tenantId.name)} = ${current}`)
  return rls === true ? [ofTenant] : [ofTenant, policy('system', rls.systemRole, sql`true`)]
}

/** @param factory what errors name */
export function checkTenantColumn(factory: string, column: PgColumn): void {
  if (!column.notNull) fail(factory, 'tenantId must be notNull(): NULL tenants would let duplicates in')
  // A grant is sealed for its tenant's id as the column gives it back: char pads it, citext and numeric respell it.
  if (!/^(uuid|text|varchar(\(\d+\))?|smallint|integer|bigint)$/.test(column.getSQLType())) {
    fail(factory, 'tenantId must be a uuid, text, varchar, smallint, integer or bigint column')
  }
}

function fail(factory: string, message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `${factory}: ${message}`)
}
