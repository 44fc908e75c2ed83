import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { createSessionTable } from '@waxseal/dynamodb'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { startLocalDatabase } from '@waxseal-examples/support/testing'

const TABLE = 'waxseal-sessions'
const REGION = 'eu-west-1'

/** What `--kms` runs an app against: a KMS with one key and a DynamoDB with an empty table, both in this process. */
export interface KmsCloud {
  readonly kms: FakeKms
  readonly keyArn: string
  /** As records and rows name the key: `region:key-id`. */
  readonly kid: string
  /** All that an app needs to be told, in the variables that it and the AWS SDK read anyway. */
  readonly env: Readonly<Record<string, string>>
  /** Of sessions: without the index of users, whose keys begin with `#`. */
  rows(): Promise<Record<string, AttributeValue>[]>
  close(): Promise<void>
}

/** Both outlive the app, as they do on AWS, and both end with this process: its keys open nothing that is left behind. */
export async function startKmsCloud(): Promise<KmsCloud> {
  const [kms, database] = await Promise.all([startFakeKms(), startLocalDatabase()])
  const keyArn = kms.createKey({ region: REGION })
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ region: REGION, endpoint: database.endpoint, credentials })
  await createSessionTable({ client, tableName: TABLE })
  return {
    kms,
    keyArn,
    kid: `${REGION}:${keyArn.slice(keyArn.lastIndexOf('/') + 1)}`,
    env: {
      KMS_KEY_ARN: keyArn,
      AWS_ENDPOINT_URL_KMS: kms.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      SESSIONS_TABLE: TABLE,
    },
    async rows() {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: TABLE, ConsistentRead: true }))
      return Items.filter((item) => !item.sessionId?.S?.startsWith('#'))
    },
    async close() {
      client.destroy()
      await Promise.all([database.close(), kms.close()])
    },
  }
}
