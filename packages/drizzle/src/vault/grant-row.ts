import { sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { GrantName, GrantStatus } from './grant.ts'
import type { TokenVaultTable, tokenVault } from './schema.ts'

/** A row without its sealed tokens: what lists show. */
export interface ListedRow extends GrantName {
  readonly id: string
  readonly status: GrantStatus
  readonly expiresAt: Date | null
  readonly refreshExpiresAt: Date | null
  readonly scopes: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly version: number
  readonly inDoubtSince: Date | null
  readonly retryAfter: Date | null
  readonly failures: number
  readonly lastErrorCode: string | null
  readonly lastError: string | null
  readonly lastUsedAt: Date | null
  readonly lastRefreshedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface GrantRow extends ListedRow {
  readonly encryptedValue: Uint8Array | null
}

/** Of a row, what serving its tokens takes. */
export interface KeptGrant extends Pick<GrantRow, keyof GrantName | 'id' | 'status' | 'version' | 'encryptedValue'> {
  /** Milliseconds since the epoch, by the database's clock. */
  readonly readAt: number
}

/** As {@link listedFields}, for a {@link KeptGrant}. */
export function keptFields(table: typeof tokenVault) {
  const { id, tenantId, provider, account, kind, status, version, encryptedValue } = rowFields(table)
  const readAt = sql<number>`(extract(epoch from statement_timestamp()) * 1000)::float8`.mapWith(Number)
  return { id, tenantId, provider, account, kind, status, version, encryptedValue, readAt }
}

/** What a SELECT or RETURNING asks for, and how it becomes a {@link ListedRow}. */
export function listedFields(table: typeof tokenVault) {
  return {
    id: table.id,
    tenantId: tenantText(table),
    provider: table.provider,
    account: table.account,
    kind: table.kind,
    status: table.status,
    expiresAt: instant(table.expiresAt),
    refreshExpiresAt: instant(table.refreshExpiresAt),
    scopes: table.scopes,
    metadata: table.metadata,
    version: table.version,
    inDoubtSince: instant(table.inDoubtSince),
    retryAfter: instant(table.retryAfter),
    failures: table.failures,
    lastErrorCode: table.lastErrorCode,
    lastError: table.lastError,
    lastUsedAt: instant(table.lastUsedAt),
    lastRefreshedAt: instant(table.lastRefreshedAt),
    createdAt: instant<Date>(table.createdAt),
    updatedAt: instant<Date>(table.updatedAt),
  }
}

/** As {@link listedFields}, for a {@link GrantRow}. */
export function rowFields(table: typeof tokenVault) {
  return { ...listedFields(table), encryptedValue: table.encryptedValue }
}

/** Ids are text everywhere in the vault, whatever the app's own column is. */
function tenantText(table: Pick<TokenVaultTable, 'tenantId'>) {
  return sql<string>`${table.tenantId}::text`
}

// As a number: a timestamp goes through the connection's DateStyle and TimeZone on its way, which an app may set.
function instant<T extends Date | null = Date | null>(column: PgColumn) {
  return sql<T>`(extract(epoch from ${column}) * 1000)::float8`.mapWith((value) => new Date(Number(value)) as T)
}
