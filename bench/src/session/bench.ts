import { availableEngines, startDynalite, startDynamoDBLocal } from '@waxseal/engines'
import { measureInProcess } from '../child.ts'
import { atMost, type Benchmark, median, type Row } from '../row.ts'
import type { Cost } from './process.ts'

const processes = 5

/** Rows `NAME` (latency) and `NAME-cpu` on dynalite, and the same with `-dynamodb-local` on the other engine; the engines run in this process or below it, the stores in children. */
async function measure(operation: 'get' | 'set'): Promise<Row[]> {
  const rows: Row[] = []
  const start = { dynalite: startDynalite, 'dynamodb-local': startDynamoDBLocal }
  for (const name of await availableEngines()) {
    const engine = await start[name]()
    const samples: Record<string, Cost>[] = []
    for (let i = 0; i < processes; i++) {
      samples.push(await measureInProcess(new URL('process.ts', import.meta.url), [operation, engine.endpoint]))
    }
    await engine.stop()
    const pick = (candidate: string, kind: keyof Cost) => samples.map((sample) => (sample[candidate] as Cost)[kind])
    for (const [kind, suffix, limit] of [
      ['latency', '', 1.05],
      ['cpu', '-cpu', 1.08],
    ] as const) {
      const baseline = median(pick('connect', kind))
      rows.push(
        atMost(limit, {
          name: `session-${operation}-c1${suffix}${name === 'dynalite' ? '' : `-${name}`}`,
          unit: kind === 'cpu' ? 'µs CPU' : 'µs p50',
          value: median(pick('waxseal', kind)),
          baseline,
          control: median(pick('control', kind)) / baseline,
        }),
      )
    }
  }
  return rows
}

export const sessionGet: Benchmark = () => measure('get')
export const sessionSet: Benchmark = () => measure('set')
