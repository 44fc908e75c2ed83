/** What many requests at the same time do to sessions, on two servers over one table. Knows no test runner: the bench counts as well. */
import { createHmac, randomInt, randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { COOKIE_NAME, type Framework, type Route, SECRET, type TestApp, type Visit } from './apps.ts'
import { send } from './send.ts'

type Done = (error?: unknown, result?: unknown) => void

/** The part of a session store that every store has. */
export interface CallbackStore {
  get(id: string, done: Done): void
  set(id: string, session: never, done: Done): void
}

/** Two stores on one table, as two servers have them. */
export type StorePair = readonly [CallbackStore, CallbackStore]

/** Races at a time. */
const AT_ONCE = 32

/** As both frameworks store it, so that neither request has to change it. */
const cookie = { originalMaxAge: null, expires: null, path: '/', httpOnly: true }

/** In milliseconds: how far apart two requests that race go on, at most. */
const APART = 4

/** How two requests at the same time ended that changed one session. */
export interface UpdateRace {
  /** Which of the two changes the session holds. */
  readonly kept: readonly string[]
  /** Codes of the saves that failed. */
  readonly failed: readonly unknown[]
}

/** Two requests change two keys of one session: both have loaded it when the first of them saves. */
export async function raceUpdates(framework: Framework, stores: StorePair, rounds: number): Promise<UpdateRace[]> {
  const meetings = new Meetings()
  const failed = new Map<string, unknown[]>()
  const change =
    (key: string): Route =>
    async (visit) => {
      const { id } = visit
      await meetings.meet(id)
      await pause(randomInt(APART))
      visit.session[key] = 1
      // Kept from here: what the framework makes of the error is its own matter.
      await visit.save().catch((error) => failed.set(id, [...(failed.get(id) ?? []), error.code]))
    }
  return race(
    framework,
    stores,
    { '/left': change('left'), '/right': change('right') },
    meetings,
    rounds,
    (id, session) => ({
      kept: ['left', 'right'].filter((key) => session !== null && key in session),
      failed: failed.get(id) ?? [],
    }),
  )
}

/** Whether a session is there after a logout that another request of it raced; that one changes it, or only reads it. */
export async function raceLogouts(framework: Framework, stores: StorePair, rounds: number): Promise<boolean[]> {
  const meetings = new Meetings()
  const go = (then: (visit: Visit) => Promise<void> | void): Route => {
    return async (visit) => {
      await meetings.meet(visit.id)
      await pause(randomInt(APART))
      await then(visit)
    }
  }
  const routes = {
    '/left': go(({ session }) => {
      if (randomInt(4) > 0) session.left = 1
    }),
    '/right': go((visit) => visit.destroy()),
  }
  return race(framework, stores, routes, meetings, rounds, (_id, session) => session !== null)
}

async function race<T>(
  { start }: Framework,
  stores: StorePair,
  routes: Record<'/left' | '/right', Route>,
  meetings: Meetings,
  rounds: number,
  judge: (id: string, session: object | null) => T,
): Promise<T[]> {
  const [left, right] = await Promise.all(stores.map((store) => start(store as never, routes)))
  const agent = new Agent({ keepAlive: true })
  const visit = async ({ url }: TestApp, path: string, id: string) => {
    const answer = await send(url + path, cookieOf(id), agent)
    meetings.leave(id)
    return answer?.statusCode
  }
  const results: T[] = []
  const runLane = async () => {
    while (results.length + running < rounds) {
      running += 1
      const id = randomUUID()
      await called((done) => stores[0].set(id, { user: 'ada', cookie } as never, done))
      const answers = await Promise.all([visit(left as TestApp, '/left', id), visit(right as TestApp, '/right', id)])
      if (!meetings.met(id)) throw new Error(`A request did not get to its route: answers ${answers.map(String)}`)
      const session = await called<object | null | undefined>((done) => stores[1].get(id, done))
      running -= 1
      results.push(judge(id, session ?? null))
    }
  }
  let running = 0
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, runLane))
    return results
  } finally {
    agent.destroy()
    await Promise.all([left?.close(), right?.close()])
  }
}

/** Has each of two requests of a session wait for the other one, for as long as that is under way. */
class Meetings {
  readonly #pairs = new Map<string, { arrived: number; readonly over: Promise<void>; readonly end: () => void }>()

  meet(id: string): Promise<void> {
    const pair = this.#pair(id)
    pair.arrived += 1
    if (pair.arrived === 2) pair.end()
    return pair.over
  }

  /** One of the two has ended: the other one would wait in vain if that never arrived. */
  leave(id: string): void {
    this.#pair(id).end()
  }

  met(id: string): boolean {
    return this.#pair(id).arrived === 2
  }

  #pair(id: string) {
    const known = this.#pairs.get(id)
    if (known !== undefined) return known
    let end = () => {}
    const over = new Promise<void>((resolve) => {
      end = resolve
    })
    const pair = { arrived: 0, over, end }
    this.#pairs.set(id, pair)
    return pair
  }
}

/** Both frameworks sign the id in their cookie in the same way. */
function cookieOf(id: string): string {
  const signature = createHmac('sha256', SECRET).update(id).digest('base64').replace(/=+$/, '')
  return `${COOKIE_NAME}=${encodeURIComponent(`s:${id}.${signature}`)}`
}

function called<T = unknown>(call: (done: Done) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result as T))))
}
