import { randomUUID } from 'node:crypto'
import { type SelectorUnderTest, tokenVaultContract } from '@waxseal/testing'
import { and, eq } from 'drizzle-orm'
import { beforeAll, describe, it } from 'vitest'
import { createTokenVault, createTokenVaultTable, tokenVaultSql } from '../../../src/vault/index.ts'
import type { TestDatabase } from '../../support/databases.ts'
import { envelope, run } from './vaults.ts'

/** The contract of every token vault, over one database. */
export function contractOn({ open }: Pick<TestDatabase, 'open'>): void {
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
}
