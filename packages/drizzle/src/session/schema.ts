import { isNotNull } from 'drizzle-orm'
import { bigint, customType, index, pgSchema, pgTable, text } from 'drizzle-orm/pg-core'
import { checkTableName } from '../table-name.ts'

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/** A table as {@link pgSessionTable} makes it. */
export type PgSessionTable = ReturnType<typeof pgSessionTable>

/**
 * The sessions table for a Drizzle schema: re-export it, and drizzle-kit makes its migration. Without drizzle-kit,
 * `sessionTableSql` gives the SQL.
 *
 * @param name default `waxseal_sessions`; at most 48 bytes
 * @param options.schema the Postgres schema that it stands in; by default none is named, and `search_path` decides
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for a longer name
 * @example
 * export const sessions = pgSessionTable()
 */
export function pgSessionTable(name = 'waxseal_sessions', options: { readonly schema?: string } = {}) {
  checkTableName('pgSessionTable', name)
  // Types of tables tell a named schema from none; nothing here depends on it, and one type for both spares a generic.
  const define = options.schema === undefined ? pgTable : (pgSchema(options.schema).table as unknown as typeof pgTable)
  return define(
    name,
    {
      /** Base64url SHA-256 of the session id. */
      key: text('key').primaryKey(),
      record: bytea('record').notNull(),
      // Milliseconds since the epoch, as in the row of any other database. A timestamp would go through the
      // connection's DateStyle and TimeZone and the driver's date parser on its way, each of which an app may set.
      expiresAt: bigint('expires_at', { mode: 'number' }).notNull(),
      revision: bigint('revision', { mode: 'number' }).notNull(),
      kid: text('kid').notNull(),
      /** Keyed hash of the user's id, where the store has the option `userId`. */
      userTag: text('user_tag'),
    },
    (table) => [
      index(`${name}_expires_at_idx`).on(table.expiresAt),
      index(`${name}_user_tag_idx`).on(table.userTag).where(isNotNull(table.userTag)),
    ],
  )
}
