import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { createEnvelope, localKeyring } from '@waxseal/core'
import { DynamoDBSessionStore } from '@waxseal/dynamodb'
import type { AppSession } from '@waxseal-examples/support'
import { startLocalDatabase } from '@waxseal-examples/support/testing'

const TABLE = 'waxseal-sessions'

/** What an app that no longer runs has left behind. */
export interface TableFindings {
  /** Those of sessions: without the index of users, whose keys begin with `#`. */
  readonly rows: readonly Record<string, AttributeValue>[]
  /** Every attribute of every item, and every file of the database. */
  readonly everyByte: Buffer
  /** From the session, opened with the app's key. */
  readonly tokens: Record<string, string>
}

/** Opens the database of a stopped app and looks at it twice: without the key, as a thief would, and with it. */
export async function inspectTable(data: string, sessionId: string): Promise<TableFindings> {
  const directory = join(data, 'dynamodb')
  const files = await readFiles(directory)
  const database = await startLocalDatabase(directory)
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ region: 'local', endpoint: database.endpoint, credentials })
  const keyring = localKeyring((await readFile(join(data, 'waxseal-keys'), 'utf8')).trim())
  const envelope = createEnvelope({ keyring, encryptionContext: { app: 'waxseal-example' } })
  try {
    const { Items: items = [] } = await client.send(new ScanCommand({ TableName: TABLE, ConsistentRead: true }))
    const session = await new DynamoDBSessionStore({ client, tableName: TABLE, envelope }).get<AppSession>(sessionId)
    const { expiresAt: _, ...tokens } = session?.tokens ?? { expiresAt: 0 }
    return {
      rows: items.filter((item) => !item.sessionId?.S?.startsWith('#')),
      everyByte: Buffer.concat([...items.flatMap(bytesOf), ...files]),
      tokens: { ...tokens } as Record<string, string>,
    }
  } finally {
    await envelope.dispose()
    client.destroy()
    await database.close()
  }
}

function bytesOf(row: Record<string, AttributeValue>): Buffer[] {
  return Object.values(row).map(({ S = '', N = '', B = [] }) => Buffer.concat([Buffer.from(S + N), Buffer.from(B)]))
}

async function readFiles(directory: string): Promise<Buffer[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
  )
}
