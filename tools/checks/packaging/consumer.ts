// Compiled as ES module and as CommonJS under every resolution mode: one store object for both frameworks.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { fastifyCookie } from '@fastify/cookie'
import { fastifySession } from '@fastify/session'
import {
  createEnvelope,
  type Envelope,
  type Keyring,
  localKeyring,
  WaxsealError,
  type WaxsealErrorCode,
} from '@waxseal/core'
import { awsKmsKeyring } from '@waxseal/core/aws-kms'
import { decrypt, type EncryptedSessionRecord } from '@waxseal/core/version1'
import { createSessionTable, DynamoDBSessionStore } from '@waxseal/dynamodb'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import type * as expressSession from 'express-session'
import { fastify } from 'fastify'

// An app's own required key must not make the store unassignable.
declare module 'express-session' {
  interface SessionData {
    user: string
  }
}
declare module 'fastify' {
  interface Session {
    user: string
  }
}

const secret = 'a secret of at least thirty-two characters'
const envelope: Envelope = createEnvelope({ keyring: localKeyring(''), encryptionContext: { app: 'consumer' } })
const client = new DynamoDBClient({})
export const store = new DynamoDBSessionStore({ client, tableName: 'sessions', envelope, ttlSeconds: 60 })
export const options: expressSession.SessionOptions = { secret, store, resave: false, saveUninitialized: false }
export const app = fastify().register(fastifyCookie).register(fastifySession, { secret, store })
export const keyring: Keyring = awsKmsKeyring({ client: new KMSClient({}), keyId: 'alias/x', decryptKeyIds: ['id'] })
export const kms: Promise<FakeKms> = startFakeKms()
export const table: Promise<unknown> = createSessionTable({ client, tableName: 'sessions' })

export const token: Promise<string> = decrypt('', { acceptUntil: new Date() })
export const ttl = (item: EncryptedSessionRecord): number => item.ttl

export function codeOf(error: unknown): WaxsealErrorCode | undefined {
  return error instanceof WaxsealError ? error.code : undefined
}
export async function user(id: string): Promise<string | undefined> {
  const session = await store.get<{ user: string }>(id)
  return session?.user
}
