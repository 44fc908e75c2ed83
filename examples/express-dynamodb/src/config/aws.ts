import './environment.ts'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'

export const SESSIONS_TABLE: string = process.env.SESSIONS_TABLE ?? 'waxseal-sessions'

/** The key that wraps the data keys. Where it is unset, WAXSEAL_KEYS does. */
export const KMS_KEY_ARN: string | undefined = process.env.KMS_KEY_ARN

// Region, credentials and endpoints come from the environment: the AWS SDK reads it by itself.
export const kmsClient: KMSClient = new KMSClient({})

export const docClient: DynamoDBDocumentClient = DynamoDBDocumentClient.from(
  new DynamoDBClient({
    // The SDK's own decoder takes five times as long, on every record read.
    base64Decoder: (text) => Buffer.from(text, 'base64'),
  }),
)
