/** The contract of every session store, on every DynamoDB engine. */
import {
  BatchWriteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import { sessionKey } from '@waxseal/session'
import { type ContractOptions, type Fault, type StoreFixture, sessionStoreContract } from '@waxseal/testing'
import { afterAll, describe, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'
import { newTable } from './support/tables.ts'

/** What can be done to a table behind a store's back. */
function tampering(client: DynamoDBClient, TableName: string) {
  const items = async () => (await client.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []
  const itemOf = async (id: string) => {
    const Key = { sessionId: { S: sessionKey(id) } }
    return (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item!
  }
  const put = (Item: Awaited<ReturnType<typeof itemOf>>) => client.send(new PutItemCommand({ TableName, Item }))
  return {
    rawRows: items,
    async swapRows(id, other) {
      const [item, otherItem] = [await itemOf(id), await itemOf(other)]
      await put({ ...item, sessionId: otherItem.sessionId! })
      await put({ ...otherItem, sessionId: item.sessionId! })
    },
    async copyRow(id, key) {
      await put({ ...(await itemOf(id)), sessionId: { S: key } })
    },
    async moveEnds(id, at) {
      await put({ ...(await itemOf(id)), expiresAt: { N: String(at) }, ttl: { N: String(Math.ceil(at / 1000)) } })
    },
    async empty() {
      const requests = (await items()).map(({ sessionId }) => ({ DeleteRequest: { Key: { sessionId: sessionId! } } }))
      for (let start = 0; start < requests.length; start += 25) {
        const RequestItems = { [TableName]: requests.slice(start, start + 25) }
        await client.send(new BatchWriteItemCommand({ RequestItems }))
      }
    },
  } satisfies Partial<StoreFixture> & Record<'empty', unknown>
}

/** Puts a fault between the client and its server; where the SDK would wait for a socket, so that aborts end it. */
function faultsOf(client: DynamoDBClient): (fault: Fault) => void {
  const { requestHandler } = client.config
  const handle = requestHandler.handle.bind(requestHandler)
  let current: Fault = 'none'
  requestHandler.handle = (...args: Parameters<typeof handle>) => {
    if (current === 'none') return handle(...args)
    const code = 'ENOENT'
    if (current === 'unreachable') return Promise.reject(Object.assign(new Error(`connect ${code}`), { code }))
    return new Promise((_, reject) => {
      const { abortSignal: signal }: { abortSignal?: AbortSignal } = args[1] ?? {}
      if (signal) signal.onabort = () => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }))
    })
  }
  return (fault) => {
    current = fault
  }
}

describe.each(inject('engines'))('$name', ({ endpoint }) => {
  // One table for all cases: to create one takes longer than a case.
  let opened: ReturnType<typeof open> | undefined
  const open = async () => {
    const { client, tableName } = await newTable(endpoint)
    return { client, tableName, tamper: tampering(client, tableName), setFault: faultsOf(client) }
  }
  afterAll(async () => (await opened)?.client.destroy())

  sessionStoreContract({ describe, it }, async (options) => {
    opened ??= open()
    const { client, tableName, tamper, setFault } = await opened
    setFault('none')
    await tamper.empty()
    const newStore = (change: Partial<ContractOptions> = {}) =>
      new DynamoDBSessionStore({ client, tableName, envelope, ...options, ...change })
    return { store: newStore(), reopen: newStore, setFault, ...tamper }
  })
})
