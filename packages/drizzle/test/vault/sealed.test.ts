/** A grant opens in its own row, under its own names, and nowhere else; names may be anything that Postgres can hold. */
import { randomUUID } from 'node:crypto'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { bigint, integer, smallint, uuid, varchar } from 'drizzle-orm/pg-core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokenVault } from '../../src/vault/index.ts'
import { TokenSealer } from '../../src/vault/sealed-tokens.ts'
import { databases } from '../support/databases.ts'
import { envelope, newVault, providers } from './support/vaults.ts'

const name = { tenantId: 't1', provider: 'google', account: 'a', kind: 'oauth' as const }
const tokens = { access_token: { value: 'at', expiresAt: new Date(5000), valid: true } }

describe('a sealed grant', () => {
  const sealer = new TokenSealer(envelope, 'token_vault')
  const id = randomUUID()

  it('opens as it was', async () => {
    const all = { ...tokens, refresh_token: { value: '\0 \ud83d\ude00 "', expiresAt: null, valid: false } }
    const { record, kid } = await sealer.seal(all, id, name)
    expect(await sealer.open(record, id, name)).toEqual(all)
    expect(kid).toMatch(/^[\w-]+$/)
  })

  it.each([
    ['tenant', { tenantId: 't2' }],
    ['provider', { provider: 'whatsapp' }],
    ['account', { account: '' }],
    ['kind', { kind: 'api_key' as const }],
    ['tenant and account that read the same in a row', { tenantId: 't', account: '1a' }],
  ])('does not open under another %s', async (_, change) => {
    const { record } = await sealer.seal(tokens, id, name)
    await expect(sealer.open(record, id, { ...name, ...change })).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_INTEGRITY',
    })
  })

  it('does not open in another row, another vault, or as a record of another purpose', async () => {
    const { record } = await sealer.seal(tokens, id, name)
    const refused = { code: 'ERR_WAXSEAL_INTEGRITY' }
    await expect(sealer.open(record, randomUUID(), name)).rejects.toMatchObject(refused)
    await expect(new TokenSealer(envelope, 'other').open(record, id, name)).rejects.toMatchObject(refused)
    const { tenantId: tenant, ...names } = name
    const context = { purpose: 'grant', table: 'token_vault', tenant, ...names, id }
    await expect(envelope.openJson(record, context)).rejects.toMatchObject(refused)
    const sealed = await envelope.with({ purpose: 'vault' }).openJson(record, context)
    expect(sealed).toEqual({ access_token: { value: 'at', expiresAt: 5000, valid: true } })
  })

  it.each([
    ['null', null],
    ['a list', [1]],
    ['a token without validity', { access_token: { value: 'at', expiresAt: null } }],
    ['an expiry that is text', { access_token: { value: 'at', expiresAt: '5000', valid: true } }],
  ])('that holds %s is malformed or empty, never a token', async (_, content) => {
    const { tenantId: tenant, ...names } = name
    const context = { purpose: 'grant', table: 'token_vault', tenant, ...names, id }
    const record = await envelope.with({ purpose: 'vault' }).sealJson(content, context)
    const opened = await sealer.open(record, id, name).catch((error) => error.code)
    expect(['ERR_WAXSEAL_RECORD_MALFORMED', {}]).toContainEqual(opened)
  })
})

describe.each(databases)('$database', ({ open }) => {
  const integrity = { code: 'ERR_WAXSEAL_INTEGRITY' }

  it.each([
    ['tenant_id', 't2', { tenantId: 't2' }],
    ['provider', 'whatsapp', { provider: 'whatsapp' as const }],
    ['account', 'b', { account: 'b' }],
    ['kind', 'api_key', { kind: 'api_key' as const }],
  ])('whoever moves a row to another %s does not open it there', async (column, value, change) => {
    const { vault, table, db } = await newVault(await open())
    await vault.putGrant({ ...name, provider: 'google', tokens: { access_token: { value: 'at' } } })
    const target = sql.identifier(getTableName(table))
    await db.execute(sql`update ${target} set ${sql.identifier(column)} = ${value}`)
    await expect(vault.getGrant({ ...name, provider: 'google', ...change })).rejects.toMatchObject(integrity)
    await expect(vault.getGrant({ ...name, provider: 'google' })).resolves.toBe(null)
  })

  it('whoever gives a row another id, or copies the value of another, does not open it', async () => {
    const { vault, table, db } = await newVault(await open())
    const target = sql.identifier(getTableName(table))
    const put = (tenantId: string) =>
      vault.putGrant({ tenantId, provider: 'google', tokens: { access_token: { value: tenantId } } })
    await put('t1')
    await db.execute(sql`update ${target} set id = ${randomUUID()}`)
    await expect(vault.getToken('t1', 'google', 'access_token')).rejects.toMatchObject(integrity)
    await put('t2')
    const copied = sql`(select encrypted_value from ${target} where tenant_id = 't2')`
    await db.execute(sql`update ${target} set encrypted_value = ${copied} where tenant_id = 't1'`)
    await expect(vault.getToken('t1', 'google', 'access_token')).rejects.toMatchObject(integrity)
    expect(await vault.getToken('t2', 'google', 'access_token')).toMatchObject({ value: 't2' })
  })

  it('tokens that do not open are no "not connected": they stay until all of them are stored anew', async () => {
    const { vault, table, db } = await newVault(await open())
    await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt' })
    const other = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    const stranger = createTokenVault({ db, table, envelope: other, providers })
    const mismatch = { code: 'ERR_WAXSEAL_KEY_MISMATCH' }
    await expect(stranger.getRefreshToken('t1', 'google')).rejects.toMatchObject(mismatch)
    await expect(stranger.storeToken('t1', 'google', 'access_token', { value: 'at' })).rejects.toMatchObject(mismatch)
    expect(await vault.getRefreshToken('t1', 'google')).toBe('rt')
    const whole = { access_token: { value: 'at-2' }, refresh_token: { value: 'rt-2' } }
    await stranger.putGrant({ tenantId: 't1', provider: 'google', tokens: whole })
    expect(await stranger.getRefreshToken('t1', 'google')).toBe('rt-2')
  })

  it('a tenant that is a uuid or a number is the same in every spelling', async () => {
    const db = await open()
    const { vault } = await newVault(db, { tenantId: uuid('tenant_id').notNull() })
    const tenant = randomUUID()
    await vault.storeToken(tenant.toUpperCase(), 'google', 'api_key', { value: 'key' })
    expect(await vault.getToken(tenant, 'google', 'api_key')).toMatchObject({ tenantId: tenant, value: 'key' })
    await expect(vault.getToken('t1', 'google', 'api_key')).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })

    const { vault: numbered } = await newVault(db, { tenantId: integer('tenant').notNull() })
    await numbered.storeToken('42', 'google', 'api_key', { value: 'key' })
    expect(await numbered.getToken('42', 'google', 'api_key')).toMatchObject({ tenantId: '42', value: 'key' })
    await expect(numbered.getToken('042', 'google', 'api_key')).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  })

  it.each([
    [smallint('tenant').notNull(), ['32767', '-32768'], ['32768', '-32769']],
    [integer('tenant').notNull(), ['2147483647', '-2147483648'], ['2147483648', '-2147483649']],
    [
      bigint('tenant', { mode: 'bigint' }).notNull(),
      ['9223372036854775807', '-9223372036854775808'],
      ['9223372036854775808', '-9223372036854775809', '9'.repeat(99)],
    ],
    [varchar('tenant', { length: 3 }).notNull(), ['😀😀😀'], ['1234', '123 ']],
  ])('a tenant that its column cannot hold is refused', async (tenantId, possible, impossible) => {
    const { vault } = await newVault(await open(), { tenantId })
    for (const tenant of possible) {
      await vault.storeToken(tenant, 'google', 'api_key', { value: tenant })
      expect(await vault.getToken(tenant, 'google', 'api_key')).toMatchObject({ tenantId: tenant, value: tenant })
    }
    const refused = { code: 'ERR_WAXSEAL_ARGUMENT' }
    for (const tenant of impossible) {
      await expect(vault.storeToken(tenant, 'google', 'api_key', { value: 'key' })).rejects.toMatchObject(refused)
      await expect(vault.getToken(tenant, 'google', 'api_key')).rejects.toMatchObject(refused)
      await expect(vault.listGrants({ tenantId: tenant })).rejects.toMatchObject(refused)
    }
  })
})

describe('10,000 hostile names', () => {
  const pieces = [
    "'",
    '"',
    '\\',
    ';--',
    '$1',
    '$$',
    '%',
    '_',
    '$' + '{x}',
    '../',
    '{}',
    ':',
    '\n',
    '\u2028',
    '\u202e',
    '😀',
    'é',
    'e\u0301',
  ]
  const hostile = fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 5 })), {
      minLength: 1,
      maxLength: 9,
    })
    .map((parts) => parts.join('').replaceAll('\0', ''))
    .filter((text) => text !== '' && text.isWellFormed() && [...text].length <= 255)

  it.each(databases.slice(0, 1))(
    'of tenants, providers and accounts come back as they were, each its own grant, $database',
    async ({ open }) => {
      const { table, db } = await newVault(await open())
      const names = fc.sample(fc.tuple(hostile, hostile), 10_000)
      const labels = fc.sample(hostile, 200).filter((label) => [...label].length <= 64)
      const vault = createTokenVault({
        db,
        table,
        envelope,
        providers: Object.fromEntries(labels.map((label) => [label, {}])),
      })
      const wanted = new Map(
        names.map(([tenantId, account], index) => {
          const grant = { tenantId, provider: labels[index % labels.length]!, account }
          return [JSON.stringify(grant), grant]
        }),
      )
      const grants = [...wanted.values()]
      for (let start = 0; start < grants.length; start += 500) {
        await Promise.all(
          grants.slice(start, start + 500).map(async ({ tenantId, provider, account }, index) => {
            const value = `${start + index}`
            await vault.storeToken(tenantId, provider, 'api_key', { value, identifier: account })
            const found = await vault.getToken(tenantId, provider, 'api_key', account)
            expect(found).toMatchObject({ tenantId, provider, identifier: account, value })
          }),
        )
      }
      expect((await vault.countGrants()).ACTIVE).toBe(wanted.size)
    },
    120_000,
  )
})
