import { sql } from 'drizzle-orm'
import type { GrantName, GrantStatus } from './grant.ts'
import type { GrantRow, ListedRow } from './grant-row.ts'
import type { ReportedError } from './reported-error.ts'
import type { TokenVaultTable } from './schema.ts'
import type { VaultDatabase } from './vault-database.ts'

/** What a write puts in place of what was read. */
export interface SealedValue {
  readonly encryptedValue: Uint8Array
  readonly kid: string
  readonly expiresAt: Date | null
  readonly refreshExpiresAt: Date | null
}

/** The app's part of a row, in the clear. */
export interface GrantDetails {
  readonly scopes: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
}

/** What a list is narrowed to; absent: not at all. */
export interface RowFilter {
  readonly tenantId?: string | undefined
  readonly provider?: string | undefined
  readonly status?: GrantStatus | undefined
  readonly expiringBefore?: Date | null
}

/** When a grant was used. */
export interface Use {
  readonly id: string
  readonly tenantId: string
  readonly at: Date
}

/** An id that comes before every other. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** The rows of a vault, in single statements. A write resolves to nothing where the row is not as it was read any more. */
export class GrantRows {
  readonly #database: VaultDatabase
  readonly #table: TokenVaultTable

  constructor(database: VaultDatabase, table: TokenVaultTable) {
    this.#database = database
    this.#table = table
  }

  async find(name: GrantName): Promise<GrantRow | undefined> {
    const [row] = await this.#database.run(name.tenantId, ({ find }) => find.execute({ ...name }))
    return row
  }

  /** @param tenantId undefined: of any tenant */
  async findById(id: string, tenantId: string | undefined): Promise<GrantRow | undefined> {
    const [row] = await this.#database.run(tenantId, ({ findById }) => findById.execute({ id }))
    return row
  }

  /** Nothing where there is a row of that name. Throws `ERR_WAXSEAL_GRANT_TENANT_UNKNOWN` for want of the tenant. */
  async insert(id: string, name: GrantName, value: SealedValue, details: GrantDetails): Promise<ListedRow | undefined> {
    const values = { id, ...name, ...asParameters(value), ...detailParameters(details) }
    const [row] = await this.#database.run(name.tenantId, ({ insert }) => insert.execute(values))
    return row
  }

  /** @param replacesAuthority whether anything but the access token is new: a refresh under way is then about the past. */
  async renew(
    read: GrantRow,
    value: SealedValue,
    details: GrantDetails,
    replacesAuthority: boolean,
  ): Promise<ListedRow | undefined> {
    const change = replacesAuthority ? 'replace' : 'renew'
    const values = { ...asRead(read), ...asParameters(value), ...detailParameters(details) }
    const [row] = await this.#database.run(read.tenantId, (statements) => statements[change].execute(values))
    return row
  }

  /** Without status or error, those of the row stay. */
  async amend(
    read: GrantRow,
    value: SealedValue,
    known: { readonly status?: GrantStatus | undefined; readonly error?: ReportedError | undefined },
    replacesAuthority: boolean,
  ): Promise<boolean> {
    const change = replacesAuthority ? 'reduce' : 'amend'
    const { lastErrorCode = null, lastError = null } = known.error ?? {}
    const values = { ...asRead(read), ...asParameters(value), status: known.status ?? null, lastErrorCode, lastError }
    const changed = await this.#database.run(read.tenantId, (statements) => statements[change].execute(values))
    return changed.length > 0
  }

  /** Ends a quarantine, since the record opens: the status from before, or nothing where the row is another by then. */
  async lift({ id, tenantId, encryptedValue }: Pick<GrantRow, 'id' | 'tenantId' | 'encryptedValue'>) {
    const values = { id, readValue: encryptedValue }
    const [row] = await this.#database.run(tenantId, ({ lift }) => lift.execute(values))
    return row?.status
  }

  async setMetadata(name: GrantName, metadata: Readonly<Record<string, unknown>>): Promise<ListedRow | undefined> {
    const values = { ...name, metadata: JSON.stringify(metadata) }
    const [row] = await this.#database.run(name.tenantId, (statements) => statements.setMetadata.execute(values))
    return row
  }

  /** Nothing where there is no such row, or none in use. */
  async beginRevoking(name: GrantName): Promise<GrantRow | undefined> {
    const [row] = await this.#database.run(name.tenantId, ({ beginRevoking }) => beginRevoking.execute({ ...name }))
    return row
  }

  /** Erases the value, unless the grant was stored anew since `read`. */
  async endRevoking(read: GrantRow): Promise<ListedRow | undefined> {
    const values = { id: read.id, readVersion: read.version }
    const [row] = await this.#database.run(read.tenantId, ({ endRevoking }) => endRevoking.execute(values))
    return row
  }

  async delete(name: GrantName): Promise<boolean> {
    const deleted = await this.#database.run(name.tenantId, (statements) => statements.delete.execute({ ...name }))
    return deleted.length > 0
  }

  async deleteAsRead(read: GrantRow): Promise<boolean> {
    const deleted = await this.#database.run(read.tenantId, ({ deleteAsRead }) => deleteAsRead.execute(asRead(read)))
    return deleted.length > 0
  }

  async deleteProvider(tenantId: string, provider: string): Promise<number> {
    const values = { tenantId, provider }
    const deleted = await this.#database.run(tenantId, ({ deleteProvider }) => deleteProvider.execute(values))
    return deleted.length
  }

  /** By id, those after `after`. */
  list(filter: RowFilter, limit: number, after: string = FIRST_ID): Promise<ListedRow[]> {
    const values = { ...filterParameters(filter), after, limit }
    return this.#database.run(filter.tenantId, (statements) => statements.list.execute(values))
  }

  /** Those whose access token is valid and expires after `now` and until `until`, the first to expire first. */
  listExpiring(now: Date, until: Date, provider: string | undefined): Promise<ListedRow[]> {
    const values = { now: now.toISOString(), until: until.toISOString(), provider: provider ?? null }
    return this.#database.run(undefined, ({ listExpiring }) => listExpiring.execute(values))
  }

  count(filter: RowFilter): Promise<{ status: GrantStatus; grants: number }[]> {
    return this.#database.run(filter.tenantId, ({ count }) => count.execute(filterParameters(filter)))
  }

  /**
   * Moves `last_used_at` forward. Rows that somebody else is writing are passed over, so that a busy row holds up no
   * other; its next use counts again.
   */
  async touch(uses: readonly Use[]): Promise<void> {
    if (this.#database.hasOverview) return this.#touch(undefined, uses)
    for (const tenantId of new Set(uses.map((use) => use.tenantId))) {
      const ofTenant = uses.filter((use) => use.tenantId === tenantId)
      await this.#touch(tenantId, ofTenant)
    }
  }

  async #touch(tenantId: string | undefined, uses: readonly Use[]): Promise<void> {
    const used = sql`jsonb_to_recordset(${JSON.stringify(uses)}::text::jsonb) as used(id uuid, at timestamptz)`
    const free = sql`select vault.id, used.at from ${this.#table} as vault join ${used} using (id) for update of vault skip locked`
    const moved = sql`update ${this.#table} as vault set last_used_at = greatest(vault.last_used_at, free.at)`
    const statement = sql`with free as (${free}) ${moved} from free where vault.id = free.id`
    await this.#database.run(tenantId, async (_, db) => db.execute(statement))
  }
}

function asRead({ id, version, encryptedValue }: GrantRow) {
  return { id, readVersion: version, readValue: encryptedValue }
}

/** A sealed value as statements take it. */
export function asParameters({ expiresAt, refreshExpiresAt, ...value }: SealedValue) {
  return {
    ...value,
    expiresAt: expiresAt?.toISOString() ?? null,
    refreshExpiresAt: refreshExpiresAt?.toISOString() ?? null,
  }
}

function detailParameters({ scopes, metadata }: GrantDetails) {
  return { scopes: JSON.stringify(scopes), metadata: JSON.stringify(metadata) }
}

function filterParameters({ tenantId, provider, status, expiringBefore }: RowFilter) {
  return {
    tenantId: tenantId ?? null,
    provider: provider ?? null,
    status: status ?? null,
    expiringBefore: expiringBefore?.toISOString() ?? null,
  }
}
