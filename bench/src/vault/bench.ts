import { startPgBouncer, startPostgres } from '@waxseal/engines'
import { POOL_SIZE, quantile, type StormOptions, type StormResult, storm } from '@waxseal/storm'
import { measureInProcess } from '../child.ts'
import { atLeast, atMost, type Benchmark, median, type Row } from '../row.ts'
import type { CandidateName } from './candidates.ts'
import type { Speeds } from './get.ts'

const PROCESSES = 5

async function speeds(atOnce: number) {
  const { url, stop } = await startPostgres()
  const samples: Speeds[] = []
  for (let i = 0; i < PROCESSES; i++) {
    samples.push(await measureInProcess<Speeds>(new URL('get.ts', import.meta.url), [url, String(atOnce)]))
  }
  await stop()
  return (candidate: CandidateName, kind: 'latency' | 'throughput') =>
    median(samples.map((sample) => sample[candidate][kind]))
}

const vaults = [
  ['waxseal', ''],
  ['prepared', '-prepared'],
] as const

const getOneByOne: Benchmark = async () => {
  const pick = await speeds(1)
  const baseline = pick('peer', 'latency')
  const control = pick('control', 'latency') / baseline
  return vaults.map(([vault, suffix]) =>
    atMost(0.75, { name: `vault-get-c1${suffix}`, unit: 'µs p50', value: pick(vault, 'latency'), baseline, control }),
  )
}

const get64AtOnce: Benchmark = async () => {
  const pick = await speeds(64)
  const baseline = pick('peer', 'throughput')
  const control = pick('control', 'throughput') / baseline
  return vaults.map(([vault, suffix]) => {
    const value = pick(vault, 'throughput')
    return atLeast(1.8, { name: `vault-get-c64${suffix}`, unit: 'calls/s', value, baseline, control })
  })
}

/** Storms of each kind, so many of each: single ones scatter. */
const STORMS = 5

const refreshStorm: Benchmark = async () => {
  const server = await startPostgres()
  const pooler = await startPgBouncer(server.url, { poolSize: POOL_SIZE })
  const run = (options: Pick<StormOptions, 'guard' | 'providerMilliseconds' | 'secondsLeft'>) =>
    storm({ server: server.url, pooler: pooler.url, ...options })
  const storms: Record<'expired' | 'quiet' | 'slow' | 'unguarded', StormResult>[] = []
  for (let i = 0; i < STORMS; i++) {
    storms.push({
      expired: await run({ guard: 'vault', providerMilliseconds: 300, secondsLeft: -60 }),
      // The same callers, with nothing to refresh.
      quiet: await run({ guard: 'vault', providerMilliseconds: 300, secondsLeft: 3600 }),
      slow: await run({ guard: 'vault', providerMilliseconds: 3000, secondsLeft: 120 }),
      unguarded: await run({ guard: 'none', providerMilliseconds: 300, secondsLeft: -60 }),
    })
  }
  await pooler.stop()
  await server.stop()
  const pick = (value: (of: (typeof storms)[number]) => number) => median(storms.map(value))
  const counted = (name: string, unit: string, value: number, baseline: number, target: number): Row => {
    return { name, unit, value, baseline, control: null, ratio: null, target: String(target), ok: value === target }
  }
  return [
    counted(
      'vault-refresh-storm',
      'provider calls',
      pick(({ expired }) => expired.refreshes),
      pick(({ unguarded }) => unguarded.refreshes),
      1,
    ),
    counted(
      'vault-refresh-storm-served',
      'callers of 100',
      pick(({ expired }) => expired.served),
      pick(({ unguarded }) => unguarded.served),
      100,
    ),
    atMost(2, {
      name: 'vault-refresh-storm-unrelated',
      unit: 'ms p95',
      value: pick(({ expired }) => quantile(expired.unrelated, 0.95)),
      baseline: pick(({ quiet }) => quantile(quiet.unrelated, 0.95)),
      control: null,
    }),
    atMost(3, {
      name: 'vault-refresh-storm-in-buffer',
      unit: 'ms p50',
      value: pick(({ slow }) => quantile(slow.latencies, 0.5)),
      baseline: pick(({ quiet }) => quantile(quiet.latencies, 0.5)),
      control: null,
    }),
  ]
}

export const vaultBenchmarks: Record<string, Benchmark> = {
  'vault-get-c1': getOneByOne,
  'vault-get-c64': get64AtOnce,
  'vault-refresh-storm': refreshStorm,
}
