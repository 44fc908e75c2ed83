import { getTableConfig } from 'drizzle-orm/pg-core'
import { type PgSessionTable, pgSessionTable } from './schema.ts'

/** The name as SQL has it, schema included: `"waxseal_sessions"`, `"auth"."sessions"`. */
export function quotedName(table: PgSessionTable): string {
  const { schema, name } = getTableConfig(table)
  return schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

/**
 * The statements that create the sessions table, for migrations without drizzle-kit; they can be repeated.
 *
 * @example
 * await writeFile('migrations/001-sessions.sql', sessionTableSql())
 */
export function sessionTableSql(table: PgSessionTable = pgSessionTable()): string {
  const name = quotedName(table)
  const index = (column: string) => quoted(`${getTableConfig(table).name}_${column}_idx`)
  return `CREATE TABLE IF NOT EXISTS ${name} (
  "key" text PRIMARY KEY,
  "record" bytea NOT NULL,
  "expires_at" bigint NOT NULL,
  "revision" bigint NOT NULL,
  "kid" text NOT NULL,
  "user_tag" text
);
CREATE INDEX IF NOT EXISTS ${index('expires_at')} ON ${name} ("expires_at");
CREATE INDEX IF NOT EXISTS ${index('user_tag')} ON ${name} ("user_tag") WHERE "user_tag" IS NOT NULL;
`
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
