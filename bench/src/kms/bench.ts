import { startDynalite } from '@waxseal/engines'
import { type FakeKmsOperation, startFakeKms } from '@waxseal/testing/kms'
import { measureInProcess } from '../child.ts'
import { type Benchmark, median, type Row, timesFaster } from '../row.ts'
import type { Deed, Done } from './deeds/process.ts'
import type { Pace } from './pace/process.ts'

const PACE_PROCESSES = 3

/** What is counted: a deed done so often by a cold process, and the calls of KMS for it, all or those of one operation. */
interface Count {
  readonly deed: Deed
  readonly times: number
  readonly operation?: FakeKmsOperation
}

/** The KMS, which counts, runs in this process. */
async function callsOf({ deed, times, operation }: Count): Promise<number> {
  await using kms = await startFakeKms()
  const args = [deed, String(times), kms.endpoint, kms.createKey()]
  const { done } = await measureInProcess<Done>(new URL('deeds/process.ts', import.meta.url), args)
  // What was not done needs no calls.
  if (done !== times) throw new Error(`${deed}: ${done} of ${times}`)
  return kms.calls.filter((call) => operation === undefined || call.operation === operation).length
}

/** A peer that calls KMS once for each of many operations is measured on a tenth of them: nobody needs to wait for all. */
async function row(name: string, most: number, ours: Count, peer: Deed): Promise<Row> {
  const value = await callsOf(ours)
  const share = ours.times > 1000 ? 10 : 1
  const baseline = (await callsOf({ ...ours, deed: peer, times: ours.times / share })) * share
  const target = `≤ ${most} ${most === 1 ? 'call' : 'calls'}`
  return { name, unit: 'calls', value, baseline, ratio: value / baseline, target, ok: value <= most, control: null }
}

/** 10,000 sessions, each set and read once. */
export const kmsCalls: Benchmark = async () => [
  await row('kms-calls', 3, { deed: 'sessions', times: 10_000 }, 'sessions-without-cache'),
]

/** Everybody at once, and nothing cached. */
export const kmsStampede: Benchmark = async () => [
  await row('kms-stampede', 1, { deed: 'seals', times: 1000 }, 'esdk-seals'),
  await row('kms-stampede-opens', 1, { deed: 'opens', times: 1000, operation: 'Decrypt' }, 'esdk-opens'),
  await row('kms-stampede-contexts', 1, { deed: 'contexts', times: 10_000 }, 'esdk-contexts'),
]

/** Reading a session when every operation calls KMS, as the simplest design does, beside ours; KMS answers at once, or after 5 ms. */
export const kmsPerOperation: Benchmark = async () => {
  const rows: Row[] = []
  for (const latencyMilliseconds of [0, 5]) {
    await using kms = await startFakeKms()
    const engine = await startDynalite()
    const args = [engine.endpoint, kms.endpoint, kms.createKey()]
    if (latencyMilliseconds > 0) kms.fail({ latencyMilliseconds })
    const samples: Record<string, Pace>[] = []
    for (let i = 0; i < PACE_PROCESSES; i++) {
      samples.push(await measureInProcess(new URL('pace/process.ts', import.meta.url), args))
    }
    await engine.stop()
    for (const [kind, suffix, unit, limit] of [
      ['latency', '', 'µs p50', latencyMilliseconds > 0 ? 4 : 1.5],
      ['busy', '-c16', 'µs a read, 16 at once', 1.5],
    ] as const) {
      const pick = (candidate: string) => median(samples.map((sample) => (sample[candidate] as Pace)[kind]))
      const baseline = pick('per operation')
      const name = `kms-per-operation-${latencyMilliseconds}ms${suffix}`
      const control = pick('control') / baseline
      rows.push(timesFaster(limit, { name, unit, value: pick('waxseal'), baseline, control }))
    }
  }
  return rows
}
