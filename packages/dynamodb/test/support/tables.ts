import { randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import { createSessionTable } from '../../src/index.ts'

/** A client and a new, empty table on the engine at `endpoint`. */
export async function newTable(
  endpoint: string,
  partitionKey = 'sessionId',
): Promise<{ client: DynamoDBClient; tableName: string }> {
  const client = new DynamoDBClient(clientConfig(endpoint))
  const tableName = `sessions-${randomUUID()}`
  await createSessionTable({ client, tableName, partitionKey })
  return { client, tableName }
}
