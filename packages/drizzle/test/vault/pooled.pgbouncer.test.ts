/** The vault behind PgBouncer in transaction mode. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTokenVault } from '../../src/vault/index.ts'
import { openPooled, pooled } from '../support/pooled.ts'
import { contractOn } from './support/contract.ts'
import { drivers, newGuardedVault } from './support/roles.ts'
import { envelope, providers } from './support/vaults.ts'

vi.setConfig({ testTimeout: 120_000 })

describe.each(pooled)('$database', contractOn)

/** All its clients share one connection to the server. */
async function openAs(url: string) {
  const { db, close } = await openPooled(url, 1)
  onTestFinished(close)
  return db
}

const google = (tenantId: string) => ({ tenantId, provider: 'google' as const })
const tenants = Array.from({ length: 20 }, (_, index) => `tenant ${index}`)

it('row-level security: tenants share one connection to the server, and none sees the rows of another', async () => {
  const { table, addresses } = await newGuardedVault(drivers[0].open)
  const [db, systemDb] = [await openAs(addresses.app), await openAs(addresses.system)]
  const vault = createTokenVault({ db, systemDb, table, envelope, providers })
  await Promise.all(
    tenants.map((tenantId) => vault.putGrant({ ...google(tenantId), tokens: { access_token: { value: tenantId } } })),
  )
  const seen = await Promise.all(
    tenants.flatMap((tenantId) => [
      vault.getGrant(google(tenantId)).then((grant) => grant?.tokens.access_token?.value === tenantId),
      vault.listGrants({ tenantId }).then(({ grants }) => grants.every((grant) => grant.tenantId === tenantId)),
    ]),
  )
  expect(seen).toEqual(seen.map(() => true))
  expect(await db.select().from(table)).toEqual([])
  expect((await vault.listGrants()).grants).toHaveLength(tenants.length)
  expect(await vault.rotate()).toMatchObject({ rows: tenants.length, unreadable: 0 })
  await vault.dispose()
})
