// One of the processes of a storm: on 'go', all its callers need an access token at once and use it.
import { once } from 'node:events'
import { createEnvelope, localKeyring } from '@waxseal/core'
import { createTokenVault, createTokenVaultTable } from '@waxseal/drizzle'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { type Guard, guards, providersOf } from './guards.ts'

/** What a process is told, as JSON in its first argument. */
export interface ProcessPlan {
  readonly pooler: string
  readonly tableName: string
  readonly key: string
  readonly provider: string
  readonly callers: number
  readonly guard: Guard
}

/** What became of one caller. */
export interface CallerResult {
  /** How long the call for a token took. */
  readonly milliseconds: number
  /** The code or message of what it threw. */
  readonly error?: string
  /** The HTTP status of the provider's resource for the token. */
  readonly status?: number
}

const plan = JSON.parse(String(process.argv[2])) as ProcessPlan
// As an app of this size would have, so that callers wait for each other's statements too.
const pool = new pg.Pool({ connectionString: plan.pooler, max: 10 })
const vault = createTokenVault({
  db: drizzle({ client: pool }),
  table: createTokenVaultTable({ name: plan.tableName }),
  envelope: createEnvelope({ keyring: localKeyring(plan.key), encryptionContext: { app: 'storm' } }),
  providers: providersOf(plan.provider),
})

async function call(): Promise<CallerResult> {
  const begun = performance.now()
  const took = () => ({ milliseconds: performance.now() - begun })
  try {
    const accessToken = await guards[plan.guard](vault, plan.provider)
    const result = took()
    const { status } = await fetch(`${plan.provider}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
    return { ...result, status }
  } catch (error) {
    return { ...took(), error: (error as { code?: string }).code ?? String(error) }
  }
}

// Connections, code and data key are warm before the storm, as in a process that has served for a while.
await Promise.all(Array.from({ length: 10 }, () => vault.countGrants({ tenantId: 'tenant' })))
await vault.getAccessToken('tenant', 'acme')
await fetch(`${plan.provider}/me`)
process.send?.('ready')
await once(process, 'message')
const results = await Promise.all(Array.from({ length: plan.callers }, call))
await vault.dispose()
process.send?.(results, () => process.exit(0))
