// `pnpm bench [NAME ...]`: runs all benchmarks, or the named ones; prints tables and writes bench/results.json.
import { writeFileSync } from 'node:fs'
import { open1k, seal1k, seal1kEsdk } from './envelope/bench.ts'
import { kmsCalls, kmsPerOperation, kmsStampede } from './kms/bench.ts'
import { kmsSteady } from './kms/steady/bench.ts'
import { recordOverhead } from './overhead.ts'
import { sessionRaces } from './races/bench.ts'
import { readOnlyExpress, readOnlyFastify } from './readonly/bench.ts'
import { type Benchmark, printRows, type Row } from './row.ts'
import { sessionBenchmarks } from './session/bench.ts'
import { vaultBenchmarks } from './vault/bench.ts'

const benchmarks: Record<string, Benchmark> = {
  'seal-1k': seal1k,
  'open-1k': open1k,
  'seal-1k-esdk': seal1kEsdk,
  'record-overhead': recordOverhead,
  ...sessionBenchmarks,
  'session-readonly-express': readOnlyExpress,
  'session-readonly-fastify': readOnlyFastify,
  'session-races': sessionRaces,
  ...vaultBenchmarks,
  'kms-calls': kmsCalls,
  'kms-stampede': kmsStampede,
  'kms-steady': kmsSteady,
  'kms-per-operation': kmsPerOperation,
}

// Every process would say it between the tables; the README says which versions of Node are supported.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(benchmarks, name))
if (unknown.length > 0) {
  throw new Error(`No such benchmark: ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}`)
}

const rows: Row[] = []
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const begun = performance.now()
  const measured = await run()
  console.log(`\n${name} (${((performance.now() - begun) / 1000).toFixed(0)} s)`)
  printRows(measured)
  rows.push(...measured)
}
writeFileSync(new URL('../results.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
const short = rows.filter((row) => !row.ok)
console.log(
  short.length === 0 ? '\nEvery target is met.' : `\nShort of target: ${short.map((row) => row.name).join(', ')}`,
)
