import { availableEngines, startDynalite, startDynamoDBLocal, startPostgres } from '@waxseal/engines'
import { measureInProcess } from '../child.ts'
import { atLeast, atMost, type Benchmark, median, type Row } from '../row.ts'
import type { Operation } from './calls.ts'
import type { CandidateName, Database } from './candidates.ts'
import type { Cost } from './latency.ts'
import type { Throughputs } from './throughput.ts'

/** Starts each engine in this process or below it; the stores run in children. */
const dynamoDB = async (): Promise<Database[]> => availableEngines()
const postgres = async (): Promise<Database[]> => ['postgres']

/** Samples of `processes` children that run `module` on a fresh engine. */
async function sample<Result>(
  database: Database,
  processes: number,
  module: string,
  args: (url: string) => string[],
): Promise<Result[]> {
  const start = {
    dynalite: async () => withUrl(await startDynalite()),
    'dynamodb-local': async () => withUrl(await startDynamoDBLocal()),
    postgres: startPostgres,
  }
  const engine = await start[database]()
  const samples: Result[] = []
  for (let i = 0; i < processes; i++) {
    samples.push(await measureInProcess<Result>(new URL(module, import.meta.url), args(engine.url)))
  }
  await engine.stop()
  return samples
}

const withUrl = ({ endpoint, stop }: { endpoint: string; stop(): Promise<void> }) => ({ url: endpoint, stop })
const suffixOf = (database: Database) => (database === 'dynalite' ? '' : `-${database}`)

/** Rows `NAME` (latency) and `NAME-cpu` of one call after another. */
function latency(operation: Operation, databases: () => Promise<Database[]>): Benchmark {
  return async () => {
    const rows: Row[] = []
    for (const database of await databases()) {
      const args = (url: string) => [operation, database, url]
      const samples = await sample<Record<CandidateName, Cost>>(database, 5, 'latency.ts', args)
      for (const [kind, suffix, limit] of [
        ['latency', '', 1.05],
        ['cpu', '-cpu', 1.08],
      ] as const) {
        const pick = (candidate: CandidateName) => median(samples.map((costs) => costs[candidate][kind]))
        const name = `session-${operation}-c1${suffix}${suffixOf(database)}`
        const unit = kind === 'cpu' ? 'µs CPU' : 'µs p50'
        const baseline = pick('peer')
        rows.push(atMost(limit, { name, unit, value: pick('waxseal'), baseline, control: pick('control') / baseline }))
      }
    }
    return rows
  }
}

/** A row of calls per second with `atOnce` of them under way. */
function throughput(
  operation: Operation,
  atOnce: number,
  limit: number,
  databases: () => Promise<Database[]>,
): Benchmark {
  return async () => {
    const rows: Row[] = []
    for (const database of await databases()) {
      const args = (url: string) => [operation, database, url, String(atOnce)]
      const samples = await sample<Throughputs>(database, 3, 'throughput.ts', args)
      const pick = (candidate: CandidateName) => median(samples.map((throughputs) => throughputs[candidate]))
      const name = `session-${operation}-c${atOnce}${suffixOf(database)}`
      const baseline = pick('peer')
      const row = { name, unit: 'calls/s', value: pick('waxseal'), baseline, control: pick('control') / baseline }
      rows.push(atLeast(limit, row))
    }
    return rows
  }
}

export const sessionBenchmarks: Record<string, Benchmark> = {
  'session-get-c1': latency('get', dynamoDB),
  'session-set-c1': latency('set', dynamoDB),
  'session-get-c16': throughput('get', 16, 4, dynamoDB),
  'session-get-c64': throughput('get', 64, 8, dynamoDB),
  'session-set-c64': throughput('set', 64, 1, dynamoDB),
  'session-touch-c64': throughput('touch', 64, 1, dynamoDB),
  'session-get-c1-postgres': latency('get', postgres),
  'session-set-c1-postgres': latency('set', postgres),
  'session-get-c64-postgres': throughput('get', 64, 1, postgres),
  'session-set-c64-postgres': throughput('set', 64, 1, postgres),
}
