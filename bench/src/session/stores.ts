import { randomUUID } from 'node:crypto'
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { createSessionTable, DynamoDBSessionStore, type SessionStoreConfig } from '@waxseal/dynamodb'
import { clientConfig } from '@waxseal/engines'
import connectDynamoDB from 'connect-dynamodb'
import expressSession from 'express-session'

/** Commands that a store has sent, by name (`PutItemCommand`). */
export type Commands = Map<string, number>

export interface Candidate<Store> {
  readonly store: Store
  readonly commands: Commands
}

function countingClient(endpoint: string): { client: DynamoDBClient; commands: Commands } {
  const client = new DynamoDBClient(clientConfig(endpoint))
  const commands: Commands = new Map()
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (input) => {
        commands.set(commandName, (commands.get(commandName) ?? 0) + 1)
        return next(input)
      },
    { step: 'initialize' },
  )
  return { client, commands }
}

export async function waxsealStore(
  endpoint: string,
  options: Partial<SessionStoreConfig> = {},
): Promise<Candidate<DynamoDBSessionStore>> {
  const { client, commands } = countingClient(endpoint)
  const tableName = `waxseal-${randomUUID()}`
  await createSessionTable({ client, tableName })
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench' } })
  return { store: new DynamoDBSessionStore({ client, tableName, envelope, ...options }), commands }
}

/** connect-dynamodb as it is, unencrypted, without its look whether the table exists. */
export async function connectStore(endpoint: string): Promise<Candidate<expressSession.Store>> {
  const { client, commands } = countingClient(endpoint)
  const table = `connect-${randomUUID()}`
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  )
  const Store = connectDynamoDB(expressSession)
  return { store: new Store({ client, table, initialized: true }), commands }
}
