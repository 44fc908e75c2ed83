import type { WaxsealError } from '@waxseal/core'
import { toWaxsealError } from '../postgres-errors.ts'

/**
 * What an error of Drizzle or a driver means to whoever runs the store.
 *
 * @param tableName quoted, as SQL has it
 */
export function toStoreError(error: unknown, tableName: string): WaxsealError {
  return toWaxsealError(error, {
    name: tableName,
    purpose: 'sessions',
    factory: 'pgSessionTable()',
    sql: 'sessionTableSql()',
  })
}
