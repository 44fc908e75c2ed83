import type { DynamoDBClient, DynamoDBClientResolvedConfig } from '@aws-sdk/client-dynamodb'

/**
 * A `DynamoDBClient` or a `DynamoDBDocumentClient`, made and owned by the caller. Accepted by shape, so that the
 * document client's package is no dependency.
 */
export type DynamoDBClientLike = DynamoDBClient | { readonly config: DynamoDBClientResolvedConfig; send: unknown }

/** The client as the sender of low-level commands, which both kinds of client are. */
export function asLowLevel(client: DynamoDBClientLike): DynamoDBClient {
  return client as DynamoDBClient
}
