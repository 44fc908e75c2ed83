// Times one call after another in each store, the stores in turns, and sends the medians.
import { randomUUID } from 'node:crypto'
import { report } from '../child.ts'
import { median } from '../row.ts'
import { callsOf, fill, type Operation } from './calls.ts'
import { type CandidateName, candidateNames, type Database, newStores } from './candidates.ts'

const [operation, database, url = ''] = process.argv.slice(2) as [Operation, Database, string]
const warmUpRounds = 4
const rounds = 14

export interface Cost {
  /** Median latency of one call, in microseconds. */
  readonly latency: number
  /** CPU time of this process per call, in microseconds; the engine runs in another process. */
  readonly cpu: number
}

const ids = Array.from({ length: 50 }, () => randomUUID())
const stores = await newStores(database, url)
const entries = candidateNames.map((name) => ({
  name,
  calls: callsOf(stores[name], operation),
  latencies: [] as number[],
  cpus: [] as number[],
}))

async function timeRound({ calls, latencies, cpus }: (typeof entries)[number], keep: boolean): Promise<void> {
  const cpuBefore = process.cpuUsage()
  const round: number[] = []
  for (const id of ids) {
    const begun = process.hrtime.bigint()
    await calls.run(id)
    round.push(Number(process.hrtime.bigint() - begun) / 1000)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  if (!keep) return
  latencies.push(...round)
  cpus.push((user + system) / ids.length)
}

for (const { name, calls } of entries) {
  await fill(stores[name], ids)
  await calls.load(ids)
}
for (let round = 0; round < warmUpRounds + rounds; round++) {
  for (let i = 0; i < entries.length; i++) {
    await timeRound(entries[(i + round) % entries.length] as (typeof entries)[number], round >= warmUpRounds)
  }
}
const costs = entries.map(({ name, latencies, cpus }) => [name, { latency: median(latencies), cpu: median(cpus) }])
report(Object.fromEntries(costs) as Record<CandidateName, Cost>)
