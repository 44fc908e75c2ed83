import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { generateKey } from '@waxseal/core'
import { createSessionTable } from '@waxseal/dynamodb'
import {
  AppProcess,
  type DynamoDBAppName,
  freePort,
  type IssuedTokens,
  startLocalDatabase,
  startLocalProvider,
} from '../src/testing/index.ts'

const TABLE = 'sessions-of-this-test'

/** What apps find in a cloud, here under the test's eyes: database, provider, keys, and apps configured for them. */
export interface Cloud {
  readonly client: DynamoDBClient
  readonly tableName: string
  readonly keys: string
  readonly sessionSecret: string
  /** The tokens of every sign-in so far. */
  readonly issued: IssuedTokens[]
  /** Starts an app against this cloud; it is stopped with the cloud. `env` adds to its environment. */
  start(name: DynamoDBAppName, env?: Record<string, string>): Promise<AppProcess>
  /** Every row, attribute by attribute, as bytes. */
  rows(): Promise<Buffer[]>
  stopDatabase(): Promise<void>
  close(): Promise<void>
}

export async function startCloud(): Promise<Cloud> {
  const ports = { 'express-dynamodb': await freePort(), 'fastify-dynamodb': await freePort() }
  const database = await startLocalDatabase()
  const issued: IssuedTokens[] = []
  const provider = await startLocalProvider({
    redirectUris: Object.values(ports).flatMap((port) =>
      ['auth', 'connect'].map((way) => `http://localhost:${port}/${way}/callback`),
    ),
    onError: (error) => console.error(error),
    onTokens: (tokens) => issued.push(tokens),
  })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new DynamoDBClient({ region: 'local', endpoint: database.endpoint, credentials })
  await createSessionTable({ client, tableName: TABLE })
  const data = await mkdtemp(join(tmpdir(), 'waxseal-example-'))
  const keys = generateKey()
  const sessionSecret = randomBytes(32).toString('base64url')
  const env = {
    AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    SESSIONS_TABLE: TABLE,
    WAXSEAL_KEYS: keys,
    SESSION_SECRET: sessionSecret,
    OIDC_ISSUER: provider.issuer,
    GOOGLE_CLIENT_ID: provider.clientId,
    GOOGLE_CLIENT_SECRET: provider.clientSecret,
    DATA_DIR: data,
    LOG_LEVEL: 'trace',
  }
  const apps: AppProcess[] = []
  let databaseIsUp = true

  async function stopDatabase(): Promise<void> {
    if (databaseIsUp) await database.close()
    databaseIsUp = false
  }
  return {
    client,
    tableName: TABLE,
    keys,
    sessionSecret,
    issued,
    async start(name, more = {}) {
      const app = new AppProcess({ name, port: ports[name], env: { ...env, ...more }, fromSource: true })
      apps.push(app)
      await app.start()
      return app
    },
    async rows() {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: TABLE, ConsistentRead: true }))
      return Items.flatMap((item) =>
        Object.entries(item).map(([name, { S = '', N = '', B = [] }]) =>
          Buffer.concat([Buffer.from(name + S + N), Buffer.from(B)]),
        ),
      )
    },
    stopDatabase,
    async close() {
      await Promise.all(apps.map((app) => app.stop()))
      client.destroy()
      await Promise.all([stopDatabase(), provider.close()])
      await rm(data, { recursive: true })
    },
  }
}
