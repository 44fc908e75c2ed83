import { WaxsealError } from '@waxseal/core'
import { sql } from 'drizzle-orm'
import { checkDatabase, type PostgresDatabase } from '../database.ts'
import { isToBeRepeated, sqlState, type TableNames, toWaxsealError } from '../postgres-errors.ts'
import type { GrantName, GrantStatus } from './grant.ts'
import type { GrantRow, ListedRow } from './grant-row.ts'
import type { ReportedError } from './reported-error.ts'
import type { TokenVaultTable } from './schema.ts'
import { prepareStatements } from './statements.ts'
import { tableNames } from './table-sql.ts'

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

/** An id that comes before every other. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** The rows of a vault, in single statements. A write resolves to nothing where the row is not as it was read any more. */
export class GrantRows {
  readonly #db: PostgresDatabase
  readonly #table: TokenVaultTable
  readonly #names: TableNames
  readonly #statements: ReturnType<typeof prepareStatements>

  /** Throws `ERR_WAXSEAL_ARGUMENT` when `db` is no Drizzle database on Postgres, a transaction, or one with replicas. */
  constructor(db: PostgresDatabase, table: TokenVaultTable) {
    checkDatabase(db, {
      transaction: 'its rollback would take back a token that the provider gave out once',
      replicas: 'a replica may not have the token that was just stored',
    })
    this.#db = db
    this.#table = table
    this.#names = tableNames(table)
    this.#statements = prepareStatements(db, table)
  }

  async find(name: GrantName): Promise<GrantRow | undefined> {
    const [row] = await this.#run(() => this.#statements.find.execute({ ...name }))
    return row
  }

  async findById(id: string): Promise<GrantRow | undefined> {
    const [row] = await this.#run(() => this.#statements.findById.execute({ id }))
    return row
  }

  /** Nothing where there is a row of that name. Throws `ERR_WAXSEAL_GRANT_TENANT_UNKNOWN` for want of the tenant. */
  async insert(id: string, name: GrantName, value: SealedValue, details: GrantDetails): Promise<ListedRow | undefined> {
    const values = { id, ...name, ...asParameters(value), ...detailParameters(details) }
    const [row] = await this.#run(() => this.#statements.insert.execute(values))
    return row
  }

  /** @param replacesAuthority whether anything but the access token is new: a refresh under way is then about the past. */
  async renew(
    read: GrantRow,
    value: SealedValue,
    details: GrantDetails,
    replacesAuthority: boolean,
  ): Promise<ListedRow | undefined> {
    const statement = replacesAuthority ? this.#statements.replace : this.#statements.renew
    const values = { ...asRead(read), ...asParameters(value), ...detailParameters(details) }
    const [row] = await this.#run(() => statement.execute(values))
    return row
  }

  /** Without status or error, those of the row stay. */
  async amend(
    read: GrantRow,
    value: SealedValue,
    known: { readonly status?: GrantStatus | undefined; readonly error?: ReportedError | undefined },
    replacesAuthority: boolean,
  ): Promise<boolean> {
    const statement = replacesAuthority ? this.#statements.reduce : this.#statements.amend
    const { lastErrorCode = null, lastError = null } = known.error ?? {}
    const values = { ...asRead(read), ...asParameters(value), status: known.status ?? null, lastErrorCode, lastError }
    return (await this.#run(() => statement.execute(values))).length > 0
  }

  async setMetadata(name: GrantName, metadata: Readonly<Record<string, unknown>>): Promise<ListedRow | undefined> {
    const values = { ...name, metadata: JSON.stringify(metadata) }
    const [row] = await this.#run(() => this.#statements.setMetadata.execute(values))
    return row
  }

  /** Nothing where there is no such row, or none in use. */
  async beginRevoking(name: GrantName): Promise<GrantRow | undefined> {
    const [row] = await this.#run(() => this.#statements.beginRevoking.execute({ ...name }))
    return row
  }

  /** Erases the value, unless the grant was stored anew since `read`. */
  async endRevoking(read: GrantRow): Promise<ListedRow | undefined> {
    const values = { id: read.id, readVersion: read.version }
    const [row] = await this.#run(() => this.#statements.endRevoking.execute(values))
    return row
  }

  async delete(name: GrantName): Promise<boolean> {
    return (await this.#run(() => this.#statements.delete.execute({ ...name }))).length > 0
  }

  async deleteAsRead(read: GrantRow): Promise<boolean> {
    return (await this.#run(() => this.#statements.deleteAsRead.execute(asRead(read)))).length > 0
  }

  async deleteProvider(tenantId: string, provider: string): Promise<number> {
    return (await this.#run(() => this.#statements.deleteProvider.execute({ tenantId, provider }))).length
  }

  /** By id, those after `after`. */
  list(filter: RowFilter, limit: number, after: string = FIRST_ID): Promise<ListedRow[]> {
    const values = { ...filterParameters(filter), after, limit }
    return this.#run(() => this.#statements.list.execute(values))
  }

  /** Those whose access token is valid and expires after `now` and until `until`, the first to expire first. */
  listExpiring(now: Date, until: Date, provider: string | undefined): Promise<ListedRow[]> {
    const values = { now: now.toISOString(), until: until.toISOString(), provider: provider ?? null }
    return this.#run(() => this.#statements.listExpiring.execute(values))
  }

  count(filter: RowFilter): Promise<{ status: GrantStatus; grants: number }[]> {
    return this.#run(() => this.#statements.count.execute(filterParameters(filter)))
  }

  /**
   * Moves `last_used_at` forward. Rows that somebody else is writing are passed over, so that a busy row holds up no
   * other; its next use counts again.
   */
  async touch(uses: readonly { readonly id: string; readonly at: Date }[]): Promise<void> {
    const used = sql`jsonb_to_recordset(${JSON.stringify(uses)}::text::jsonb) as used(id uuid, at timestamptz)`
    const free = sql`select vault.id, used.at from ${this.#table} as vault join ${used} using (id) for update of vault skip locked`
    const moved = sql`update ${this.#table} as vault set last_used_at = greatest(vault.last_used_at, free.at)`
    await this.#run(async () =>
      this.#db.execute(sql`with free as (${free}) ${moved} from free where vault.id = free.id`),
    )
  }

  async #run<T>(statement: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await statement()
      } catch (error) {
        if (isToBeRepeated(error)) continue
        if (sqlState(error) === '23503') {
          const message = 'There is no such tenant: create it before its grants'
          throw new WaxsealError('ERR_WAXSEAL_GRANT_TENANT_UNKNOWN', message)
        }
        throw toWaxsealError(error, this.#names)
      }
    }
  }
}

function asRead({ id, version, encryptedValue }: GrantRow) {
  return { id, readVersion: version, readValue: encryptedValue }
}

function asParameters({ expiresAt, refreshExpiresAt, ...value }: SealedValue) {
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
