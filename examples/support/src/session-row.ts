import { createHash } from 'node:crypto'
import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb'

/** A session's row as DynamoDB holds it. */
export interface SessionRow {
  /** base64url SHA-256 of the session id. */
  readonly sessionId: string
  readonly record: Uint8Array
  /** Seconds since the epoch, for DynamoDB's own deletion. */
  readonly ttl: number
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  readonly version: number
  readonly revision: number
  readonly kid: string
  /** Keyed hash of the user's id. */
  readonly userTag?: string
}

/** Reads the row past the session store, as somebody would who has access to the table and no key. */
export async function readSessionRow(
  client: DynamoDBDocumentClient,
  tableName: string,
  sessionId: string,
): Promise<SessionRow | undefined> {
  const key = createHash('sha256').update(sessionId).digest('base64url')
  const { Item } = await client.send(
    new GetCommand({ TableName: tableName, Key: { sessionId: key }, ConsistentRead: true }),
  )
  return Item as SessionRow | undefined
}
