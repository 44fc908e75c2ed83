// Times one row's candidates, taking turns, and sends the median microseconds of each, hot and cold.
import { Agent, get } from 'node:http'
import { report } from '../child.ts'
import { median } from '../row.ts'
import { candidates } from './candidates.ts'
import type { Operation } from './operation.ts'

const [row = '', endpoint = ''] = process.argv.slice(2)
const hotRounds = 40
const hotCalls = 100
const coldRounds = 250

export interface Timing {
  /** Microseconds a call, in a loop. */
  readonly hot: number
  /** Microseconds of one call after a network round trip, which is how a store calls it. */
  readonly cold: number
}

const agent = new Agent({ keepAlive: true })
const roundTrip = () =>
  new Promise<void>((resolve, reject) => {
    get(endpoint, { agent }, (response) => response.resume().on('end', resolve)).on('error', reject)
  })

async function time(operation: Operation, calls: number): Promise<number> {
  const begun = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) await operation(i)
  return Number(process.hrtime.bigint() - begun) / 1000 / calls
}

const entries = Object.entries(await candidates(row)).map(([name, operation]) => ({
  name,
  operation,
  hot: [] as number[],
  cold: [] as number[],
}))
/** Each round begins with another candidate, so that none is always first. */
const turns = (round: number) =>
  entries.map((_, i) => entries[(i + round) % entries.length] as (typeof entries)[number])

for (const { operation } of entries) await time(operation, 1000)
for (let round = 0; round < hotRounds; round++) {
  for (const entry of turns(round)) entry.hot.push(await time(entry.operation, hotCalls))
}
for (let round = 0; round < coldRounds; round++) {
  for (const entry of turns(round)) {
    await roundTrip()
    entry.cold.push(await time(entry.operation, 1))
  }
}
report(
  Object.fromEntries(
    entries.map(({ name, hot, cold }): [string, Timing] => [name, { hot: median(hot), cold: median(cold) }]),
  ),
)
