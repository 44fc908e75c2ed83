import { startDynalite } from '@waxseal/engines'
import type { Store } from 'express-session'
import type { Benchmark, Row } from '../row.ts'
import { type Candidate, type Commands, connectStore, waxsealStore } from '../session/stores.ts'
import { type App, startExpress, startFastify } from './apps.ts'

const requests = 100
const limit = 0.02
const writes = ['PutItemCommand', 'UpdateItemCommand', 'DeleteItemCommand']

const countWrites = (commands: Commands) => writes.reduce((sum, name) => sum + (commands.get(name) ?? 0), 0)

/** Writes per request that only reads the session, of a signed-in user. */
async function writesPerRequest(start: (store: Store) => Promise<App>, candidate: Candidate<Store>): Promise<number> {
  const app = await start(candidate.store)
  const login = await fetch(`${app.origin}/login`, { method: 'POST' })
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0]
  if (cookie === undefined) throw new Error('no session cookie after login')
  const before = countWrites(candidate.commands)
  for (let i = 0; i < requests; i++) {
    const response = await fetch(app.origin, { headers: { cookie } })
    if ((await response.text()) !== 'ada') throw new Error('the session is gone')
  }
  await app.stop()
  return (countWrites(candidate.commands) - before) / requests
}

async function measure(name: string, start: (store: Store) => Promise<App>): Promise<Row[]> {
  const engine = await startDynalite()
  const value = await writesPerRequest(start, (await waxsealStore(engine.endpoint)) as unknown as Candidate<Store>)
  const baseline = await writesPerRequest(start, await connectStore(engine.endpoint))
  const again = await writesPerRequest(start, await connectStore(engine.endpoint))
  await engine.stop()
  const row = { name, unit: 'writes per request', value, baseline, control: again / baseline }
  return [{ ...row, ratio: value / baseline, target: `≤ ${limit}`, ok: value <= limit }]
}

export const readOnlyExpress: Benchmark = () => measure('session-readonly-express', startExpress)
export const readOnlyFastify: Benchmark = () => measure('session-readonly-fastify', startFastify)
