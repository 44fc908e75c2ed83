// Times get and set of both stores one after another, in turns, and sends the medians.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Store } from 'express-session'
import { report } from '../child.ts'
import { median } from '../row.ts'
import { connectStore, waxsealStore } from './stores.ts'

const [operation = '', endpoint = ''] = process.argv.slice(2)
const sessions = 50
const warmUpRounds = 4
const rounds = 14

export interface Cost {
  /** Median latency of one call, in microseconds. */
  readonly latency: number
  /** CPU time of this process per call, in microseconds; the engine runs in another process. */
  readonly cpu: number
}

interface Entry {
  readonly name: string
  readonly get: (id: string) => Promise<Session>
  readonly set: (id: string, session: Session) => Promise<void>
  readonly latencies: number[]
  readonly cpus: number[]
}

type Session = Record<string, unknown>

// Both are called with callbacks, which is how the frameworks call a store.
function entry(name: string, store: Pick<Store, 'get' | 'set'>): Entry {
  return {
    name,
    get: (id) =>
      new Promise((resolve, reject) => {
        store.get(id, (error, session) =>
          error ? reject(error) : session ? resolve(session as unknown as Session) : reject(new Error('no session')),
        )
      }),
    set: (id, session) =>
      new Promise((resolve, reject) => {
        store.set(id, session as never, (error) => (error ? reject(error) : resolve()))
      }),
    latencies: [],
    cpus: [],
  }
}

const ids = Array.from({ length: sessions }, () => randomUUID())
/** About 1 KiB of JSON: who is signed in, and tokens. */
const newSession = (): Session => ({
  cookie: { originalMaxAge: 604_800_000, httpOnly: true, path: '/' },
  user: { id: randomUUID(), email: 'someone@example.com', name: 'Someone' },
  tokens: { access: randomBytes(240).toString('base64url'), refresh: randomBytes(240).toString('base64url') },
  views: 0,
})

async function timeRound({ get, set, latencies, cpus }: Entry, keep: boolean): Promise<void> {
  // A set is of a session that was loaded and changed, as in every request that writes.
  const loaded: Session[] = []
  if (operation === 'set') for (const id of ids) loaded.push({ ...(await get(id)), views: Math.random() })
  const cpuBefore = process.cpuUsage()
  const round: number[] = []
  for (const [i, id] of ids.entries()) {
    const begun = process.hrtime.bigint()
    await (operation === 'set' ? set(id, loaded[i] as Session) : get(id))
    round.push(Number(process.hrtime.bigint() - begun) / 1000)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  if (!keep) return
  latencies.push(...round)
  cpus.push((user + system) / ids.length)
}

const entries = [
  entry('waxseal', (await waxsealStore(endpoint)).store),
  entry('connect', (await connectStore(endpoint)).store),
  entry('control', (await connectStore(endpoint)).store),
]
for (const { set } of entries) for (const id of ids) await set(id, newSession())
for (let round = 0; round < warmUpRounds + rounds; round++) {
  for (let i = 0; i < entries.length; i++) {
    await timeRound(entries[(i + round) % entries.length] as Entry, round >= warmUpRounds)
  }
}
report(
  Object.fromEntries(
    entries.map(({ name, latencies, cpus }): [string, Cost] => [
      name,
      { latency: median(latencies), cpu: median(cpus) },
    ]),
  ),
)
