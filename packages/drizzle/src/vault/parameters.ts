import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/** Without a name a driver prepares nothing on the server; a pooler in transaction mode (PgBouncer) would lose it. */
export const unnamed = undefined as unknown as string

// How a prepared statement names its values. What is cast reaches every driver as text, a number or a boolean: they disagree
// on how anything else is passed.

export function parameter(name: string): SQL {
  return sql`${sql.placeholder(name)}`
}

/** ISO text or null. */
export function instant(name: string): SQL {
  return sql`${parameter(name)}::text::timestamptz`
}

/** A length of time, given in seconds. */
export function seconds(name: string): SQL {
  return sql`${parameter(name)}::float8 * interval '1 second'`
}

export function flag(name: string): SQL {
  return sql`${parameter(name)}::boolean`
}

export function json(name: string): SQL {
  return sql`${parameter(name)}::text::jsonb`
}

/** A JSON array of strings. */
export function textArray(name: string): SQL {
  return sql`array(select jsonb_array_elements_text(${json(name)}))`
}

export function ifGiven(column: PgColumn, name: string): SQL {
  return sql`(${parameter(name)}::text is null or ${column} = ${parameter(name)})`
}
