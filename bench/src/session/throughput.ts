// Keeps a number of calls under way in each store, the stores in turns, and sends the median calls per second.
import { randomUUID } from 'node:crypto'
import { report } from '../child.ts'
import { median } from '../row.ts'
import { callsOf, fill, type Operation } from './calls.ts'
import { type CandidateName, candidateNames, type Database, newStores } from './candidates.ts'

const [operation, database, url = '', atOnce = ''] = process.argv.slice(2) as [Operation, Database, string, string]
// Rounds of a fixed time: of a fixed number of calls, the faster store would have the less time to get warm.
const roundMilliseconds = 200
const warmUpRounds = 4
const rounds = 5

export type Throughputs = Record<CandidateName, number>

const ids = Array.from({ length: 256 }, () => randomUUID())
const stores = await newStores(database, url)
const entries = candidateNames.map((name) => ({
  name,
  calls: callsOf(stores[name], operation),
  throughputs: [] as number[],
}))

async function timeRound({ calls, throughputs }: (typeof entries)[number], keep: boolean): Promise<void> {
  const begun = performance.now()
  let done = 0
  // More sessions than workers: a worker never meets a session whose last call is still under way.
  const worker = async () => {
    while (performance.now() < begun + roundMilliseconds) await calls.run(ids[done++ % ids.length] as string)
  }
  await Promise.all(Array.from({ length: Number(atOnce) }, worker))
  if (keep) throughputs.push((done / (performance.now() - begun)) * 1000)
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
report(Object.fromEntries(entries.map(({ name, throughputs }) => [name, median(throughputs)])) as Throughputs)
