/** What the compiler knows of an app's providers, and takes from its database. */
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgliteDatabase } from 'drizzle-orm/pglite'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { expect, expectTypeOf, it } from 'vitest'
import type { OpenGrant, PostgresDatabase, TokenVault, TokenVaultTable } from '../../src/vault/index.ts'
import * as schema from './support/app-schema.ts'
import type { providers } from './support/vaults.ts'

type AppVault = TokenVault<typeof providers>

it('takes the database of every driver, with and without the app’s schema, and any table of the factory', () => {
  expectTypeOf<NodePgDatabase>().toExtend<PostgresDatabase>()
  expectTypeOf<NodePgDatabase<typeof schema>>().toExtend<PostgresDatabase>()
  expectTypeOf<PostgresJsDatabase<typeof schema>>().toExtend<PostgresDatabase>()
  expectTypeOf<PgliteDatabase<typeof schema>>().toExtend<PostgresDatabase>()
  expectTypeOf(schema.tokenVault).toExtend<TokenVaultTable>()
  expectTypeOf(schema.customersVault).toExtend<TokenVaultTable>()
  expect(schema.tokenVault.tenantId.name).toBe('tenant_id')
})

it('knows the names of the providers and the metadata of each', () => {
  expectTypeOf<AppVault['getToken']>().parameter(1).toEqualTypeOf<'google' | 'whatsapp' | 'voicenter'>()
  type Opened = Awaited<ReturnType<typeof openGoogle>>
  expectTypeOf<Opened>().toEqualTypeOf<OpenGrant<'google', { calendar: string }> | null>()
  type Listed = Awaited<ReturnType<AppVault['listGrants']>>['grants'][number]
  expectTypeOf<Extract<Listed, { provider: 'google' }>['metadata']>().toEqualTypeOf<{ calendar: string }>()
  expect(openGoogle).toBeTypeOf('function')
})

const openGoogle = (vault: AppVault) => vault.getGrant({ tenantId: 't1', provider: 'google' })
