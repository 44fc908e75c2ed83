import { startPgBouncer, startPostgres } from '@waxseal/engines'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POOL_SIZE, type StormOptions, storm } from '../src/storm.ts'

let server: Awaited<ReturnType<typeof startPostgres>>
let pooler: Awaited<ReturnType<typeof startPgBouncer>>

beforeAll(async () => {
  server = await startPostgres()
  pooler = await startPgBouncer(server.url, { poolSize: POOL_SIZE })
})

afterAll(async () => {
  await pooler?.stop()
  await server?.stop()
})

function run(options: Pick<StormOptions, 'guard' | 'providerMilliseconds' | 'secondsLeft'>) {
  return storm({ server: server.url, pooler: pooler.url, ...options })
}

const timeout = 120_000

describe('100 callers in 4 processes, through PgBouncer in transaction mode, at a provider that rotates strictly', () => {
  it.each([300, 3000])('an expired token, %i ms: one call, all served, the grant alive', { timeout }, async (ms) => {
    const result = await run({ guard: 'vault', providerMilliseconds: ms, secondsLeft: -60 })
    expect(result).toMatchObject({ errors: [], refreshes: 1, served: 100, revoked: false, alive: true })
  })

  it('inside the buffer: one call, and those who lose the claim are served what still runs', { timeout }, async () => {
    const result = await run({ guard: 'vault', providerMilliseconds: 3000, secondsLeft: 120 })
    expect(result).toMatchObject({ errors: [], refreshes: 1, served: 100, revoked: false, alive: true })
  })

  it('without a guard the same storm ends the grant', { timeout }, async () => {
    const result = await run({ guard: 'none', providerMilliseconds: 300, secondsLeft: -60 })
    expect(result.refreshes).toBeGreaterThan(1)
    expect(result).toMatchObject({ revoked: true, alive: false })
  })
})
