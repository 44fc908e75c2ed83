// Keeps a number of reads under way, the candidates in turns, and sends the medians.
import { randomUUID } from 'node:crypto'
import { report } from '../child.ts'
import { median } from '../row.ts'
import { type CandidateName, candidateNames, newCandidates } from './candidates.ts'

const [url = '', atOnce = ''] = process.argv.slice(2)
const roundMilliseconds = 200
const warmUpRounds = 4
const rounds = 8

/** Median latency of one read in microseconds, and reads per second. */
export type Speeds = Record<CandidateName, { readonly latency: number; readonly throughput: number }>

const tenants = Array.from({ length: 256 }, () => randomUUID())
const reads = await newCandidates(url, tenants)
const entries = candidateNames.map((name) => ({
  name,
  read: reads[name],
  latencies: [] as number[],
  throughputs: [] as number[],
}))

async function timeRound({ read, latencies, throughputs }: (typeof entries)[number], keep: boolean): Promise<void> {
  const begun = performance.now()
  const round: number[] = []
  let started = 0
  const worker = async () => {
    while (performance.now() < begun + roundMilliseconds) {
      const sent = performance.now()
      await read(tenants[started++ % tenants.length] as string)
      round.push((performance.now() - sent) * 1000)
    }
  }
  await Promise.all(Array.from({ length: Number(atOnce) }, worker))
  if (!keep) return
  throughputs.push((round.length / (performance.now() - begun)) * 1000)
  latencies.push(...round)
}

for (let round = 0; round < warmUpRounds + rounds; round++) {
  for (let i = 0; i < entries.length; i++) {
    await timeRound(entries[(i + round) % entries.length] as (typeof entries)[number], round >= warmUpRounds)
  }
}
const speeds = entries.map(({ name, latencies, throughputs }) => [
  name,
  { latency: median(latencies), throughput: median(throughputs) },
])
report(Object.fromEntries(speeds) as Speeds)
