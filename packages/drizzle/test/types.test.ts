/** The store takes any Drizzle database on Postgres, and fits both frameworks' types. */
import type fastifySession from '@fastify/session'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgliteDatabase } from 'drizzle-orm/pglite'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type session from 'express-session'
import { expect, expectTypeOf, it } from 'vitest'
import type { PgSessionTable, PostgresDatabase, PostgresSessionStore } from '../src/session/index.ts'
import * as schema from './support/app-schema.ts'

declare module 'express-session' {
  interface SessionData {
    user: { name: string }
  }
}

declare module 'fastify' {
  interface Session {
    user: { name: string }
  }
}

it('the store is a store for express-session and for @fastify/session', () => {
  expectTypeOf<PostgresSessionStore>().toExtend<session.Store>()
  expectTypeOf<PostgresSessionStore>().toExtend<fastifySession.SessionStore>()
})

it('takes the database of every driver, with and without the app’s schema', () => {
  type AppSchema = typeof schema
  expectTypeOf<NodePgDatabase>().toExtend<PostgresDatabase>()
  expectTypeOf<NodePgDatabase<AppSchema>>().toExtend<PostgresDatabase>()
  expectTypeOf<PostgresJsDatabase<AppSchema>>().toExtend<PostgresDatabase>()
  expectTypeOf<PgliteDatabase<AppSchema>>().toExtend<PostgresDatabase>()
})

it('the table is one of Drizzle, whose rows the app can select', () => {
  expectTypeOf<AppRow>().toEqualTypeOf<{
    key: string
    record: Uint8Array
    expiresAt: number
    revision: number
    kid: string
    userTag: string | null
  }>()
  expectTypeOf(schema.sessions).toEqualTypeOf<PgSessionTable>()
  expect(Object.keys(schema.sessions)).toEqual([
    'key',
    'record',
    'expiresAt',
    'revision',
    'kid',
    'userTag',
    'enableRLS',
  ])
})

type AppRow = typeof schema.sessions.$inferSelect
