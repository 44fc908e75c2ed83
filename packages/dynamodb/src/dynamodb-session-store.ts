import { WaxsealTypeError } from '@waxseal/core'
import { type SessionOptions, SessionStore } from '@waxseal/session'
import type { DynamoDBClientLike } from './client.ts'
import { DynamoDBSessionTable } from './dynamodb-session-table.ts'

/** Options of {@link DynamoDBSessionStore}. */
export interface SessionStoreConfig extends SessionOptions {
  /** Made, configured and closed by the caller. A document client serves as well. */
  readonly client: DynamoDBClientLike
  readonly tableName: string
  /** Name of the table's partition key, a string. Default `sessionId`. */
  readonly partitionKey?: string
  /**
   * Whether reads that are asked for in one turn of the event loop go to DynamoDB in one BatchGetItem. Default `true`:
   * several times the reads from one process. `false` where no read may wait for the slowest of such a batch, or the
   * role has no dynamodb:BatchGetItem. Reads while version 1 is accepted are not batched.
   */
  readonly batchReads?: boolean
  /**
   * Whether saves of loaded sessions and touches that are asked for in one turn of the event loop go to DynamoDB in one
   * BatchExecuteStatement (PartiQL). Default `false`: it saves the process most of its CPU time under load, but takes
   * `dynamodb:PartiQLUpdate` in the role's policy, and no write of a batch is answered before its slowest.
   */
  readonly batchWrites?: boolean
}

/**
 * Encrypted sessions in DynamoDB, for express-session, @fastify/session and the app's own code: one object for all.
 * Reads are strongly consistent, session ids stand hashed in the table, construction does no I/O.
 * Methods, events and errors: see `SessionStore` of `@waxseal/session`.
 *
 * Throws `ERR_WAXSEAL_ARGUMENT` for a missing client, table name or envelope, or a bad duration.
 *
 * @example
 * const sessionStore = new DynamoDBSessionStore({ client, tableName: 'sessions', envelope })
 * app.use(session({ store: sessionStore, secret, resave: false, saveUninitialized: false })) // Express
 * await app.register(fastifySession, { store: sessionStore, secret, saveUninitialized: false }) // Fastify
 */
export class DynamoDBSessionStore extends SessionStore {
  constructor(config: SessionStoreConfig) {
    const { client, tableName, partitionKey = 'sessionId', batchReads, batchWrites, ...options } = config
    if (typeof client?.send !== 'function') fail('client must be a DynamoDBClient or a DynamoDBDocumentClient')
    if (typeof tableName !== 'string' || tableName === '') fail('tableName must be the name of the sessions table')
    const onDegraded = (operation: string, message: string) =>
      this.report('degraded', operation, undefined, { message })
    super(new DynamoDBSessionTable(client, tableName, partitionKey, { batchReads, batchWrites, onDegraded }), options)
  }
}

function fail(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
