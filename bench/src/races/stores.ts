import { randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { PostgresSessionStore, pgSessionTable, sessionTableSql } from '@waxseal/drizzle/session'
import { createSessionTable, DynamoDBSessionStore } from '@waxseal/dynamodb'
import { clientConfig } from '@waxseal/engines'
import type { StorePair } from '@waxseal/suite/races'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench' } })

/** Two stores of ours on a new table, as two servers have them. */
export async function dynamodbPair(endpoint: string): Promise<StorePair> {
  const client = new DynamoDBClient(clientConfig(endpoint))
  const tableName = `races-${randomUUID()}`
  await createSessionTable({ client, tableName })
  const store = () => new DynamoDBSessionStore({ client, tableName, envelope })
  return [store(), store()]
}

/** The same on Postgres. */
export async function postgresPair(connectionString: string): Promise<StorePair> {
  const pool = new pg.Pool({ connectionString })
  // The server ends before the pool does.
  pool.on('error', () => {})
  const table = pgSessionTable(`races_${randomUUID()}`)
  await pool.query(sessionTableSql(table))
  const store = () =>
    new PostgresSessionStore({ db: drizzle({ client: pool }), table, envelope, pruneIntervalSeconds: 0 })
  return [store(), store()]
}
