/**
 * How often a process of a fleet calls KMS once everything is warm: real envelopes, a clock that is set, a counting keyring.
 *
 * Reads fall on the sessions of all processes, evenly aged from 0 to 7 days. There are billions in such a day, and nearly
 * all of them find their data key cached and vouched for, and call nobody. So time goes in steps: in each, the reader
 * reads once under every data key that at least one read of the step falls on, drawn with the chance that Poisson arrivals
 * give it; the other reads of the step would find that key cached. What this leaves out is only *when* within its step a
 * call falls: and the spans after which a call is due again are multiples of the step, so none is missed or made twice.
 * `kms-steady-check` is a fleet slow enough to be simulated read by read as well, each at its own instant.
 */
import type { Benchmark, Row } from '../../row.ts'
import { type DataKey, Fleet } from './fleet.ts'

const DAY = 86_400
const SESSION_LIFE = 7 * DAY
/** In seconds. Divides the spans after which a call is due: 80 % of 300 (a probe), 80 % of a day (a new data key), a day. */
const STEP = 240
/** In seconds. How often processes seal, which is when they fetch new data keys; a multiple of the step. */
const SEAL_EVERY = 1920
const LIMIT = 0.0005

interface Traffic {
  readonly processes: number
  readonly readsPerSecond: number
}

/** Lets the first process of a fleet read for a day. */
type ReadForADay = (fleet: Fleet, traffic: Traffic) => Promise<void>

export const kmsSteady: Benchmark = async () => {
  const rows: Row[] = []
  for (const processes of [1, 4, 10, 20, 100]) {
    const traffic = { processes, readsPerSecond: 50 }
    const value = await callsOfADay(traffic, inSteps)
    const baseline = traffic.readsPerSecond * DAY
    const ratio = value / baseline
    // Ten processes are what the target is about; the others show how it goes on.
    const name = processes === 10 ? 'kms-steady' : `kms-steady-${processes}`
    const row = { name, unit: 'calls a day and process', value, baseline, ratio, control: null }
    rows.push({ ...row, target: `≤ ${LIMIT}`, ok: ratio <= LIMIT })
  }
  return [...rows, await check({ processes: 4, readsPerSecond: 2 })]
}

async function check(traffic: Traffic): Promise<Row> {
  const value = await callsOfADay(traffic, inSteps)
  const baseline = await callsOfADay(traffic, oneByOne)
  const ratio = value / baseline
  const row = { name: 'kms-steady-check', unit: 'calls a day and process', value, baseline, ratio, control: null }
  return { ...row, target: '0.95 to 1.05', ok: ratio >= 0.95 && ratio <= 1.05 }
}

/** After eight days, by when the data keys of a whole session life are in circulation and cached. */
async function callsOfADay(traffic: Traffic, readForADay: ReadForADay): Promise<number> {
  const fleet = new Fleet(traffic.processes)
  while (fleet.now < SESSION_LIFE + DAY) {
    await fleet.seal()
    for (const { dataKey } of circulation(fleet, traffic)) await fleet.read(dataKey)
    await fleet.pass(SEAL_EVERY)
  }
  const before = fleet.calls
  await readForADay(fleet, traffic)
  return fleet.calls - before
}

const inSteps: ReadForADay = async (fleet, traffic) => {
  for (const end = fleet.now + DAY; fleet.now < end; await fleet.pass(STEP)) {
    if (fleet.now % SEAL_EVERY === 0) await fleet.seal()
    for (const { dataKey, rate } of circulation(fleet, traffic)) {
      if (Math.random() < 1 - Math.exp(-rate * STEP)) await fleet.read(dataKey)
    }
  }
}

const oneByOne: ReadForADay = async (fleet, traffic) => {
  const end = fleet.now + DAY
  let sealAt = fleet.now
  while (fleet.now < end) {
    if (fleet.now >= sealAt) {
      await fleet.seal()
      sealAt += SEAL_EVERY
    }
    await fleet.read(draw(circulation(fleet, traffic), traffic.readsPerSecond))
    await fleet.pass(-Math.log(1 - Math.random()) / traffic.readsPerSecond)
  }
}

interface Circulating {
  readonly dataKey: DataKey
  /** Reads a second that fall on its records: as many as the part of a session's life in which it sealed. */
  readonly rate: number
}

function circulation({ dataKeys, now }: Fleet, { processes, readsPerSecond }: Traffic): Circulating[] {
  return dataKeys.flatMap((dataKey) => {
    const sealed = Math.min(dataKey.until, now) - Math.max(dataKey.from, now - SESSION_LIFE)
    return sealed < 0 ? [] : [{ dataKey, rate: (readsPerSecond / processes) * (sealed / SESSION_LIFE) }]
  })
}

function draw(circulating: readonly Circulating[], total: number): DataKey {
  let left = Math.random() * total
  for (const { dataKey, rate } of circulating) {
    left -= rate
    if (left < 0) return dataKey
  }
  return (circulating.at(-1) as Circulating).dataKey
}
