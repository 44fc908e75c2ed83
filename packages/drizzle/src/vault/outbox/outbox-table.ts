import { type BuildColumns, is } from 'drizzle-orm'
import {
  bigint,
  getTableConfig,
  index,
  type PgColumn,
  type PgColumnBuilderBase,
  PgTable,
  type PgTableWithColumns,
  pgSchema,
  pgTable,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { checkTableName } from '../../table-name.ts'
import { misuse } from '../arguments.ts'
import { anyTenant, checkTenantColumn, policies, type TokenVaultTable, type TokenVaultTableOptions } from '../schema.ts'

/**
 * What happens to a grant.
 *
 * - `stored`: tokens were stored, the first or newer ones.
 * - `refreshed`: the provider gave a new access token.
 * - `refresh_failed`, `config_error`, `reauth_required`, `lost_rotation`, `expired`, `revoking`, `revoked`, `quarantined`: it
 *   came into the status of that name from another one.
 * - `restored`: its record opens again; it has the status from before its quarantine.
 * - `deleted`: its row is gone.
 */
export type GrantEvent =
  | 'stored'
  | 'refreshed'
  | 'refresh_failed'
  | 'config_error'
  | 'reauth_required'
  | 'lost_rotation'
  | 'expired'
  | 'revoking'
  | 'revoked'
  | 'quarantined'
  | 'restored'
  | 'deleted'

const columns = () => ({
  /** Ascending in the order in which events are written, which is not that in which they come to be seen. */
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  /** The `id` of a grant, which may be gone by now. */
  grantId: uuid('grant_id').notNull(),
  event: text('event').$type<GrantEvent>().notNull(),
  at: timestamp('at', { withTimezone: true }).notNull(),
})

type Columns = ReturnType<typeof columns>

export interface TokenVaultOutboxOptions<TenantId extends PgColumnBuilderBase>
  extends Pick<TokenVaultTableOptions<TenantId, Record<never, never>>, 'schema'> {
  /** Default `token_vault_outbox`. At most 48 bytes. */
  readonly name?: string
  /**
   * Default `text('tenant_id').notNull()`. Of the same type as that of the vault's table. Without a foreign key, what happened to
   * the grants of a tenant that is gone can still be read.
   */
  readonly tenantId?: TenantId
  /** As that of the vault's table. Default false. */
  readonly rls?: boolean | { readonly systemRole: string }
}

/** The table that {@link createTokenVaultOutbox} makes of a tenant's column; written out for the declaration file. */
export type TokenVaultOutboxOf<TenantId extends PgColumnBuilderBase> = PgTableWithColumns<{
  name: string
  schema: undefined
  columns: BuildColumns<string, Columns & { tenantId: TenantId }, 'pg'>
  dialect: 'pg'
}>

/** Any table that {@link createTokenVaultOutbox} makes. */
export type TokenVaultOutbox = PgTable & { readonly [Name in keyof Columns | 'tenantId']: PgColumn }

/**
 * A table in which a vault writes what happens to its grants, each event in the statement that makes it happen: neither is there
 * without the other. Made as the vault's own table is: re-export it for drizzle-kit, or give it to `migrateTokenVault` or
 * `tokenVaultSql`. It holds no token.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for a tenant column that may be null or is of another type than vaults take
 * @example
 * export const outbox = createTokenVaultOutbox()
 * const vault = createTokenVault({ db, outbox, envelope, providers })
 */
export function createTokenVaultOutbox<TenantId extends PgColumnBuilderBase = ReturnType<typeof anyTenant>>(
  options: TokenVaultOutboxOptions<TenantId> = {},
): TokenVaultOutboxOf<TenantId> {
  const { name = 'token_vault_outbox', schema, tenantId = anyTenant(), rls = false } = options
  checkTableName('createTokenVaultOutbox', name)
  const define = schema === undefined ? pgTable : (pgSchema(schema).table as unknown as typeof pgTable)
  const { id, grantId, ...rest } = columns()
  const builders = { id, grantId, tenantId, ...rest } as Columns & { tenantId: TenantId }
  const table: TokenVaultOutbox & { enableRLS(): unknown } = define(name, builders, (self) => {
    const { at } = self as unknown as Record<'at', PgColumn>
    return [
      // For who removes the old ones.
      index(`${name}_at_idx`).on(at),
      ...(rls === false ? [] : policies(name, table.tenantId, rls)),
    ]
  })
  if (rls !== false) table.enableRLS()
  checkTenantColumn('createTokenVaultOutbox', table.tenantId)
  return table as unknown as TokenVaultOutboxOf<TenantId>
}

/** Throws `ERR_WAXSEAL_ARGUMENT` for what is no outbox, or shows to more roles whose grants there are than `table` does. */
export function checkOutbox(outbox: TokenVaultOutbox, table: TokenVaultTable): void {
  if (!is(outbox, PgTable) || outbox.grantId === undefined) misuse('outbox must come from createTokenVaultOutbox()')
  if (outbox.tenantId.getSQLType() !== table.tenantId.getSQLType()) misuse('outbox must have the tenantId of table')
  if (rolesOf(outbox) !== rolesOf(table)) misuse('outbox must have the rls of table')
}

/** Whom row-level security lets in. */
function rolesOf(table: PgTable): string {
  return JSON.stringify(getTableConfig(table).policies.map(({ to }) => to))
}
