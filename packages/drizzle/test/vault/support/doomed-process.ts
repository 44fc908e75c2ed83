/** A process that refreshes one grant and is killed on the way; `refresh-kills.test.ts` starts it. */
import { createEnvelope, localKeyring } from '@waxseal/core'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import {
  createTokenVault,
  createTokenVaultOutbox,
  createTokenVaultTable,
  type RefreshRequest,
  type TokenResponse,
} from '../../../src/vault/index.ts'

/** Where the process ends; at `request` its parent ends it. */
export type Doom = 'after claim' | 'request' | 'answer read' | 'commit sent' | 'after commit'

export interface Plan {
  readonly doom: Doom
  readonly connectionString: string
  readonly table: string
  readonly outbox: string
  readonly key: string
  readonly providerUrl: string
}

const { doom, connectionString, table, outbox, key, providerUrl }: Plan = JSON.parse(process.argv[2] ?? '')

function dieAt(point: Doom): void {
  // No handler, no flush, no closing of sockets.
  if (point === doom) process.kill(process.pid, 'SIGKILL')
}

async function refresh({ refreshToken }: RefreshRequest, { signal }: { signal: AbortSignal }): Promise<TokenResponse> {
  dieAt('after claim')
  const response = await fetch(providerUrl, { method: 'POST', body: refreshToken, signal })
  const answer = (await response.json()) as TokenResponse
  dieAt('answer read')
  return answer
}

const pool = new pg.Pool({ connectionString })
const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
Object.assign(pool, {
  async query(...args: unknown[]) {
    const result = await query(...args)
    // The server has done it, and the vault never hears of that.
    if (JSON.stringify(args[0]).includes('last_refreshed_at\\" = clock_timestamp()')) dieAt('commit sent')
    return result
  },
})

const vault = createTokenVault({
  db: drizzle({ client: pool }),
  table: createTokenVaultTable({ name: table }),
  outbox: createTokenVaultOutbox({ name: outbox }),
  envelope: createEnvelope({ keyring: localKeyring(key), encryptionContext: { app: 'test' } }),
  providers: { google: { refresh } },
})
await vault.getFreshAccessToken({ tenantId: 't1', provider: 'google' })
dieAt('after commit')
