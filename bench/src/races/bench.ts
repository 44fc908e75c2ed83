import { startDynamoDBLocal, startPostgres } from '@waxseal/engines'
import { type Framework, frameworks } from '@waxseal/suite/apps'
import { raceLogouts, raceUpdates, type StorePair } from '@waxseal/suite/races'
import type { Benchmark, Row } from '../row.ts'
import { connectPgStore } from '../session/postgres-stores.ts'
import { connectStore } from '../session/stores.ts'
import { dynamodbPair, postgresPair } from './stores.ts'

const rounds = 1000
const unit = 'of 1,000'

interface Contestants {
  readonly database: string
  ours(): Promise<StorePair>
  /** Remembers nothing of the sessions that it gave, so that one of it can serve two servers. */
  peer(): Promise<unknown>
}

async function keptBoth(framework: Framework, stores: StorePair): Promise<number> {
  const races = await raceUpdates(framework, stores, rounds)
  return races.filter(({ kept }) => kept.length === 2).length
}

async function cameBack(framework: Framework, stores: StorePair): Promise<number> {
  const races = await raceLogouts(framework, stores, rounds)
  return races.filter(Boolean).length
}

async function race(framework: Framework, { database, ours, peer }: Contestants): Promise<Row[]> {
  const pair = async () => {
    const store = await peer()
    return [store, store] as unknown as StorePair
  }
  const suffix = `${framework.framework.toLowerCase()}-${database}`
  const [kept, peerKept] = [await keptBoth(framework, await ours()), await keptBoth(framework, await pair())]
  const [back, peerBack] = [await cameBack(framework, await ours()), await cameBack(framework, await pair())]
  const row = { unit, ratio: null, control: null }
  return [
    {
      ...row,
      name: `races-updates-${suffix}`,
      value: kept,
      baseline: peerKept,
      target: `${rounds}`,
      ok: kept === rounds,
    },
    { ...row, name: `races-logouts-${suffix}`, value: back, baseline: peerBack, target: '0', ok: back === 0 },
  ]
}

/**
 * Of 1,000 sessions that two requests change at once, in two keys, how many hold both changes; and of 1,000 that one
 * request ends while another is under way, how many are back. The peers are connect-dynamodb and connect-pg-simple.
 */
export const sessionRaces: Benchmark = async () => {
  const [dynamodb, postgres] = await Promise.all([startDynamoDBLocal(), startPostgres()])
  const onDynamoDB: Contestants = {
    database: 'dynamodb-local',
    ours: () => dynamodbPair(dynamodb.endpoint),
    peer: async () => (await connectStore(dynamodb.endpoint)).store,
  }
  const onPostgres: Contestants = {
    database: 'postgres',
    ours: () => postgresPair(postgres.url),
    peer: () => connectPgStore(postgres.url),
  }
  const rows: Row[] = []
  for (const contestants of [onDynamoDB, onPostgres]) {
    for (const framework of frameworks) rows.push(...(await race(framework, contestants)))
  }
  await Promise.all([dynamodb.stop(), postgres.stop()])
  return rows
}
