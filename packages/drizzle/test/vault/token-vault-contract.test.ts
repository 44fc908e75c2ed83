/** The contract of every token vault, on PostgreSQL and PGlite. */
import { randomUUID } from 'node:crypto'
import { type SelectorUnderTest, tokenVaultContract } from '@waxseal/testing'
import { and, eq } from 'drizzle-orm'
import { beforeAll, describe, it, vi } from 'vitest'
import { createTokenVault, createTokenVaultTable, tokenVaultSql } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { envelope, run } from './support/vaults.ts'

// Cases that store a thousand times take long where processors are shared.
vi.setConfig({ testTimeout: 120_000 })

describe.each(databases)('$database', ({ open }) => {
  // To start PGlite may take longer than a case.
  beforeAll(() => open())

  // Beside each other: most of them wait for a provider.
  tokenVaultContract({ describe, it: it.concurrent }, async ({ providers }) => {
    const db = await open()
    const table = createTokenVaultTable({ name: `vault_${randomUUID()}` })
    await run(db, tokenVaultSql(table))
    const newVault = () => createTokenVault({ db, table, envelope, providers })
    const ofGrant = ({ tenantId, provider, account = '' }: SelectorUnderTest) =>
      and(
        eq(table.tenantId, tenantId),
        eq(table.provider, provider),
        eq(table.account, account),
        eq(table.kind, 'oauth'),
      )
    const sealed = async (selector: SelectorUnderTest) => {
      const [row] = await db.select({ encryptedValue: table.encryptedValue }).from(table).where(ofGrant(selector))
      return row!
    }
    return {
      vault: newVault(),
      reopen: newVault,
      rawRows: () => db.select().from(table),
      async swapTokens(one, other) {
        const [ofOne, ofOther] = [await sealed(one), await sealed(other)]
        await db.update(table).set(ofOther).where(ofGrant(one))
        await db.update(table).set(ofOne).where(ofGrant(other))
      },
    }
  })
})
