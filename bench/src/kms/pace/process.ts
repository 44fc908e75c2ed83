// Times reads of sessions, with cached data keys and with a call of KMS each, in turns: `process.ts DATABASE KMS KEY_ARN`.
import { randomBytes, randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createEnvelope } from '@waxseal/core'
import { createSessionTable, DynamoDBSessionStore } from '@waxseal/dynamodb'
import { clientConfig } from '@waxseal/engines'
import { report } from '../../child.ts'
import { median } from '../../row.ts'
import { keyringAt } from '../keyring.ts'

export interface Pace {
  /** Median microseconds of one read, one after another. */
  readonly latency: number
  /** Microseconds of wall time for each read, 16 at once. */
  readonly busy: number
}

const [database = '', endpoint = '', keyId = ''] = process.argv.slice(2)
const AT_ONCE = 16
const SESSIONS = 4 * AT_ONCE
const WARM_UP_ROUNDS = 2
const ROUNDS = 8

interface Entry {
  readonly name: string
  readonly store: DynamoDBSessionStore
  readonly latencies: number[]
  readonly busy: number[]
}

const client = new DynamoDBClient(clientConfig(database))
const ids = Array.from({ length: SESSIONS }, () => randomUUID())

/** Every candidate has a table of its own, full of sessions of about 1 KiB. */
async function entry(name: string, cache: boolean): Promise<Entry> {
  const tableName = `bench-${randomUUID()}`
  await createSessionTable({ client, tableName })
  const envelope = createEnvelope({ keyring: keyringAt(endpoint, keyId), encryptionContext: { app: 'bench' }, cache })
  const store = new DynamoDBSessionStore({ client, tableName, envelope })
  const tokens = randomBytes(600).toString('base64url')
  for (const id of ids) await store.set(id, { cookie: { path: '/' }, tokens })
  return { name, store, latencies: [], busy: [] }
}

async function read({ store }: Entry, id: string): Promise<void> {
  if ((await store.get(id)) === null) throw new Error('no session')
}

async function microseconds(run: () => Promise<unknown>): Promise<number> {
  const begun = process.hrtime.bigint()
  await run()
  return Number(process.hrtime.bigint() - begun) / 1000
}

async function round(each: Entry, keep: boolean): Promise<void> {
  const latencies: number[] = []
  for (const id of ids.slice(0, AT_ONCE)) latencies.push(await microseconds(() => read(each, id)))
  const queue = [...ids]
  const worker = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) await read(each, id)
  }
  const busy = await microseconds(() => Promise.all(Array.from({ length: AT_ONCE }, worker)))
  if (!keep) return
  each.latencies.push(...latencies)
  each.busy.push(busy / SESSIONS)
}

const entries = [await entry('waxseal', true), await entry('per operation', false), await entry('control', false)]
for (let i = 0; i < WARM_UP_ROUNDS + ROUNDS; i++) {
  // Each round begins with another candidate, so that none is always first.
  for (let j = 0; j < entries.length; j++) await round(entries[(i + j) % entries.length] as Entry, i >= WARM_UP_ROUNDS)
}
report(
  Object.fromEntries(
    entries.map(({ name, latencies, busy }): [string, Pace] => [
      name,
      { latency: median(latencies), busy: median(busy) },
    ]),
  ),
)
