import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import type { RemoteDatabase, SuiteTable } from '@waxseal/suite'
import { inject, onTestFinished } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore, DynamoDBSessionTable } from '../../src/index.ts'
import { newTable } from './tables.ts'

function tableOf(client: DynamoDBClient, tableName: string): SuiteTable {
  onTestFinished(() => client.destroy())
  return {
    port: new DynamoDBSessionTable(client, tableName, 'sessionId'),
    newStore: (options) => new DynamoDBSessionStore({ client, tableName, ...options }),
  }
}

/** Every DynamoDB engine of this run. */
export const suiteDatabases: readonly RemoteDatabase[] = inject('engines').map(({ name, endpoint }) => ({
  name,
  address: endpoint,
  async newTable() {
    const { client, tableName } = await newTable(endpoint)
    return tableOf(client, tableName)
  },
  async newTableAt(address) {
    const { client, tableName } = await newTable(endpoint)
    client.destroy()
    return tableOf(new DynamoDBClient({ ...clientConfig(address), maxAttempts: 3 }), tableName)
  },
  failingTable(error) {
    const client = new DynamoDBClient({ ...clientConfig(endpoint), maxAttempts: 1 })
    client.middlewareStack.add(() => () => Promise.reject(error), { step: 'finalizeRequest' })
    return tableOf(client, 'sessions')
  },
}))
