/** Tokens of the older design, a row for each, come into the vault by the recipe of docs/vault.md. */
import { readFileSync } from 'node:fs'
import { encrypt, generateEncryptionSecret } from '@waxseal/core/version1'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { newVault } from './support/vaults.ts'
import { moveTokens } from './support/version1-recipe.ts'

const pool = new pg.Pool({ connectionString: inject('postgres'), options: '-c search_path=version1' })
const db = drizzle({ client: pool })
const secret = generateEncryptionSecret()
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const inAnHour = new Date(Date.now() + 3_600_000)

beforeAll(async () => {
  vi.stubEnv('ENCRYPTION_SECRET', secret)
  await db.execute(sql`create schema version1`)
  await db.execute(sql`create table old_token_vault (tenant_id text not null, provider text not null, token_type text not null,
    identifier text, encrypted_value text not null, expires_at timestamptz, is_valid text not null)`)
  const store = async (
    type: string,
    identifier: string | null,
    value: string,
    expiresAt: Date | null,
    valid = 'true',
  ) =>
    db.execute(sql`insert into old_token_vault values ('t1', 'google', ${type}, ${identifier}, ${await encrypt(value)},
      ${expiresAt?.toISOString() ?? null}::text::timestamptz, ${valid})`)
  await store('access_token', 'ada', 'at', inAnHour)
  await store('refresh_token', 'ada', 'rt', null)
  await store('api_key', null, 'key', null)
  await store('refresh_token', 'bob', 'refused', null, 'false')
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await pool.end()
})

it('is the one of the page', () => {
  expect(read('../../../../docs/vault.md')).toContain(read('./support/version1-recipe.ts'))
})

it('moves each with its expiry and validity, and goes over nothing that is newer', async () => {
  const { vault } = await newVault(db)
  await moveTokens(db, vault)
  expect(await vault.getAccessToken('t1', 'google', 'ada')).toEqual({ token: 'at', needsRefresh: false })
  const access = await vault.getToken('t1', 'google', 'access_token', 'ada')
  expect(access?.expiresAt).toEqual(inAnHour)
  expect(await vault.getRefreshToken('t1', 'google', 'ada')).toBe('rt')
  expect(await vault.getToken('t1', 'google', 'api_key')).toMatchObject({ value: 'key', expiresAt: null })
  expect(await vault.getRefreshToken('t1', 'google', 'bob')).toBe(null)
  expect(await vault.getToken('t1', 'google', 'refresh_token', 'bob')).toMatchObject({ isValid: 'false' })

  await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt-2', identifier: 'ada' })
  await moveTokens(db, vault)
  expect(await vault.getRefreshToken('t1', 'google', 'ada')).toBe('rt-2')
})
