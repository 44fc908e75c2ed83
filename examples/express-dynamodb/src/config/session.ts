import { createEnvelope, localKeyring } from '@waxseal/core'
import { awsKmsKeyring } from '@waxseal/core/aws-kms'
import { createSessionTable, DynamoDBSessionStore } from '@waxseal/dynamodb'
import type { AppSession } from '@waxseal-examples/support'
import { docClient, KMS_KEY_ARN, kmsClient, SESSIONS_TABLE } from './aws.ts'
import { services } from './environment.ts'

const SEVEN_DAYS_IN_SECONDS = 604_800
const { NODE_ENV, SESSION_SECRET = '', WAXSEAL_KEYS = '' } = process.env

export const sessionConfig = {
  /** Signs the cookie. It does not encrypt anything: that is the envelope's part. */
  secret: SESSION_SECRET,
  cookie: {
    httpOnly: true,
    sameSite: 'lax',
    secure: NODE_ENV === 'production',
    maxAge: SEVEN_DAYS_IN_SECONDS * 1000,
  },
} as const

export const envelope = createEnvelope({
  keyring: KMS_KEY_ARN ? awsKmsKeyring({ client: kmsClient, keyId: KMS_KEY_ARN }) : localKeyring(WAXSEAL_KEYS),
  encryptionContext: { app: 'waxseal-example' },
})

export const sessionStore = new DynamoDBSessionStore({
  client: docClient,
  tableName: SESSIONS_TABLE,
  envelope,
  // Everybody signs in again once a week, however active they are.
  maxLifetimeSeconds: SEVEN_DAYS_IN_SECONDS,
  // Whose session it is, and what to call it: by these a user finds their sessions and ends them.
  userId: ({ user }) => (user as AppSession['user'])?.email,
  label: ({ device }) => device as AppSession['device'],
})

// A table on AWS is made once, by `create-table`; the embedded database starts out empty.
if (services.database) await createSessionTable({ client: docClient, tableName: SESSIONS_TABLE })
