import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { createTokenVault, createTokenVaultTable, tokenVaultSql } from '@waxseal/drizzle'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { askProvider, type Guard, providersOf, TENANT } from './guards.ts'
import type { CallerResult, ProcessPlan } from './storm-process.ts'
import { type ProviderCounts, startStrictProvider } from './strict-provider.ts'

export interface StormOptions {
  /** Connection strings of a server, and of PgBouncer before it. */
  readonly server: string
  readonly pooler: string
  readonly guard: Guard
  /** How long the provider takes to answer. */
  readonly providerMilliseconds: number
  /** How long the access token still runs when the storm begins. Negative: it has expired. */
  readonly secondsLeft: number
}

/** What one storm did. */
export interface StormResult extends ProviderCounts {
  /** Callers whose token the provider took in the end, of 100. */
  readonly served: number
  /** Codes or messages of what callers got in place of a token. */
  readonly errors: readonly string[]
  /** Whether the provider takes the refresh token that is left in the vault. */
  readonly alive: boolean
  /** How long each call for a token took, in milliseconds, ascending. */
  readonly latencies: readonly number[]
  /** The same of queries of the app that have nothing to do with it, made meanwhile by the same pooler. */
  readonly unrelated: readonly number[]
}

export const PROCESSES = 4
export const CALLERS = 25

/** Connections of the pooler to the server: fewer than callers, as always. */
export const POOL_SIZE = 10

/** Lets 4 processes of 25 callers each need one grant at the same moment. */
export async function storm(options: StormOptions): Promise<StormResult> {
  const provider = await startStrictProvider(options.providerMilliseconds)
  const tableName = `storm_${randomUUID()}`
  const table = createTokenVaultTable({ name: tableName })
  const key = generateKey()
  const pool = new pg.Pool({ connectionString: options.server })
  await pool.query(tokenVaultSql(table))
  const envelope = createEnvelope({ keyring: localKeyring(key), encryptionContext: { app: 'storm' } })
  const db = drizzle({ client: pool })
  const vault = createTokenVault({ db, table, envelope, providers: providersOf(provider.url) })
  const selector = { tenantId: TENANT, provider: 'acme' } as const
  const expiresAt = new Date(Date.now() + options.secondsLeft * 1000)
  await vault.putGrant({
    ...selector,
    tokens: {
      access_token: { value: provider.accessToken, expiresAt },
      refresh_token: { value: provider.refreshToken },
    },
  })
  const plan = {
    pooler: options.pooler,
    tableName,
    key,
    provider: provider.url,
    callers: CALLERS,
    guard: options.guard,
  }
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => start(plan)))
  const queries = startQueries(options.pooler)
  const results = (await Promise.all(processes.map(go))).flat()
  const unrelated = await queries.stop()
  const counts = provider.counts()
  const refreshToken = await vault.getRefreshToken(TENANT, 'acme')
  const alive = refreshToken !== null && (await canBeSpent(provider.url, refreshToken))
  await vault.dispose()
  await pool.end()
  await provider.close()
  return {
    ...counts,
    served: results.filter(({ status }) => status === 200).length,
    errors: results.flatMap(({ error, status }) => error ?? (status === 200 ? [] : `HTTP ${status}`)),
    alive,
    latencies: ascending(results.map(({ milliseconds }) => milliseconds)),
    unrelated,
  }
}

async function canBeSpent(provider: string, refreshToken: string): Promise<boolean> {
  const answer = await askProvider(provider, refreshToken).catch(() => undefined)
  return answer !== undefined
}

async function start(plan: ProcessPlan): Promise<ChildProcess> {
  const module = fileURLToPath(new URL('storm-process.ts', import.meta.url))
  const child = fork(module, [JSON.stringify(plan)], { execArgv: ['--import=tsx', '--conditions=waxseal-source'] })
  await message(child)
  return child
}

async function go(child: ChildProcess): Promise<CallerResult[]> {
  const results = message(child)
  child.send('go')
  return (await results) as CallerResult[]
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process of the storm ended with code ${code}`)
  })
  const [said] = await Promise.race([once(child, 'message'), ended])
  return said
}

/** Queries another table through the pooler, one after another, until it is stopped. */
function startQueries(pooler: string) {
  const pool = new pg.Pool({ connectionString: pooler, max: 1 })
  const latencies: number[] = []
  let isOver = false
  const run = async () => {
    await pool.query('select 1')
    while (!isOver) {
      const begun = performance.now()
      await pool.query('select count(*) from pg_class')
      latencies.push(performance.now() - begun)
    }
    await pool.end()
  }
  const running = run()
  return {
    async stop() {
      isOver = true
      await running
      return ascending(latencies)
    },
  }
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

/** The value below which such a share of ascending values lies. */
export function quantile(values: readonly number[], share: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
}
