import { randomUUID } from 'node:crypto'
import type { PostgresDatabase } from '../../../src/database.ts'
import {
  createTokenVaultOutbox,
  type GrantEvent,
  type ProviderProfile,
  tokenVaultSql,
} from '../../../src/vault/index.ts'
import { refreshing } from './refreshing.ts'
import { run } from './vaults.ts'

/** As {@link refreshing}, with an outbox. */
export async function withOutbox(
  db: PostgresDatabase,
  profile: ProviderProfile = {},
  options: Parameters<typeof refreshing>[2] = {},
) {
  const outbox = createTokenVaultOutbox({ name: `outbox_${randomUUID()}` })
  await run(db, tokenVaultSql(outbox))
  const parts = await refreshing(db, profile, { ...options, outbox })

  /** What has happened so far, in the order in which it was written. */
  async function events(): Promise<GrantEvent[]> {
    const rows = await db.select().from(outbox).orderBy(outbox.id)
    return rows.map(({ event }) => event)
  }
  return { ...parts, outbox, events }
}
