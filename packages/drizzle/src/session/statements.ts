import { and, asc, eq, gt, lt, lte, sql } from 'drizzle-orm'
import type { PostgresDatabase } from './database.ts'
import type { PgSessionTable } from './schema.ts'

/** Rows in a page of a listing: at the largest record there is, a page takes 100 MB. */
export const PAGE_SIZE = 100

// Without a name a driver prepares nothing on the server; a pooler in transaction mode (PgBouncer) would lose it.
const unnamed = undefined as unknown as string

/**
 * The statements of a session table, built once: to build one anew for every call costs Drizzle twice the CPU time of
 * everything else. They become SQL here and reach the server when they are executed.
 */
export function prepareStatements(db: PostgresDatabase, table: PgSessionTable) {
  const key = parameter('key')
  const now = parameter('now')
  const content = {
    record: parameter('record'),
    expiresAt: parameter('expiresAt'),
    revision: parameter('revision'),
    kid: parameter('kid'),
    userTag: parameter('userTag'),
  }
  // The drivers write arrays each in a way of its own; JSON is the same to all.
  const keys = sql`select jsonb_array_elements_text(${parameter('keys')}::jsonb)`
  const isChosen = sql`${table.key} = any(array(${keys})) = ${parameter('only')}::boolean`
  const isLive = gt(table.expiresAt, now)
  const ofThisKey = eq(table.key, key)
  const isExpected = eq(table.revision, parameter('expected'))
  const ofThisUser = and(eq(table.userTag, parameter('userTag')), ofSession(table))
  const written = { key: table.key }

  return {
    // $withCache(false): a cache that the app gave to Drizzle must not answer for the database.
    get: db.select().from(table).where(ofThisKey).$withCache(false).prepare(unnamed),

    // The keys as one JSON text: drivers differ in what they make of an array. `array(...)` is made once.
    getMany: db
      .select()
      .from(table)
      .where(sql`${table.key} = any(array(select json_array_elements_text(${parameter('keys')}::text::json)))`)
      .$withCache(false)
      .prepare(unnamed),

    insert: db
      .insert(table)
      .values({ key, ...content })
      .onConflictDoUpdate({
        target: table.key,
        set: {
          record: sql`excluded.record`,
          expiresAt: sql`excluded.expires_at`,
          revision: sql`excluded.revision`,
          kid: sql`excluded.kid`,
          userTag: sql`excluded.user_tag`,
        },
        setWhere: lte(table.expiresAt, now),
      })
      .returning(written)
      .prepare(unnamed),

    update: db
      .update(table)
      .set(content)
      .where(and(ofThisKey, isExpected, isLive))
      .returning(written)
      .prepare(unnamed),

    extend: db
      .update(table)
      .set({ expiresAt: content.expiresAt })
      .where(and(ofThisKey, isExpected, isLive, lt(table.expiresAt, content.expiresAt)))
      .returning(written)
      .prepare(unnamed),

    delete: db.delete(table).where(ofThisKey).prepare(unnamed),

    list: db
      .select()
      .from(table)
      .where(and(gt(table.key, parameter('after')), ofSession(table)))
      .orderBy(asc(table.key))
      .limit(PAGE_SIZE)
      .$withCache(false)
      .prepare(unnamed),

    listUser: db
      .select()
      .from(table)
      .where(and(ofThisUser, gt(table.key, parameter('after'))))
      .orderBy(asc(table.key))
      .limit(PAGE_SIZE)
      .$withCache(false)
      .prepare(unnamed),

    deleteUser: db
      .delete(table)
      .where(and(ofThisUser, isChosen))
      .returning({ expiresAt: table.expiresAt })
      .prepare(unnamed),
  }
}

/** Leaves out rows of another kind, whose keys begin with a `#`. */
export function ofSession(table: PgSessionTable) {
  return sql`not starts_with(${table.key}, '#')`
}

function parameter(name: string) {
  return sql`${sql.placeholder(name)}`
}
