/** Trap 8: the store fits both frameworks' types, also where an app declares required keys of its own. */
import fastifySession from '@fastify/session'
import { MemorySessionStore, type SessionStore } from '@waxseal/session'
import session from 'express-session'
import { expectTypeOf, it } from 'vitest'
import type {
  DynamoDBSessionStore,
  EncryptedSessionRecord,
  EncryptionResult,
  SessionStoreConfig,
} from '../src/index.ts'
import { envelope } from './support/stores.ts'

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

it('trap 8: the store is a store for express-session and for @fastify/session', () => {
  const store = new MemorySessionStore({ envelope })
  session({ store, secret: 'x', resave: false, saveUninitialized: false })
  expectTypeOf<SessionStore>().toExtend<session.Store>()
  expectTypeOf<DynamoDBSessionStore>().toExtend<session.Store>()
  expectTypeOf<DynamoDBSessionStore>().toExtend<fastifySession.SessionStore>()
  const options: fastifySession.FastifySessionOptions = { store, secret: 'x' }
  expectTypeOf(options).not.toBeAny()
  expectTypeOf(fastifySession).toBeFunction()
})

it('the types that older code imported are there under their names', () => {
  interface Encrypted {
    encryptedData: string
    encryptedKey: string
    iv: string
    authTag: string
  }
  expectTypeOf<Encrypted>().toExtend<EncryptionResult>()
  expectTypeOf<Encrypted & { sessionId: string; ttl: number; version: 1 }>().toExtend<EncryptedSessionRecord>()
  expectTypeOf<SessionStoreConfig>().toHaveProperty('tableName').toBeString()
  expectTypeOf<SessionStoreConfig>().toHaveProperty('ttlSeconds').toEqualTypeOf<number | undefined>()
})
