/** Known tokens go through everything that a vault does, and turn up nowhere but where they were asked for. */
import { inspect } from 'node:util'
import { logTo, WaxsealError } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { createTokenVault } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { canary, spellings } from './support/canaries.ts'
import { envelope, newVault } from './support/vaults.ts'

const google = { tenantId: 't1', provider: 'google' as const }

describe.each(databases)('$database', ({ open }) => {
  it('stored, read, invalid, revoked and failed tokens are in no column, event, log or error', async () => {
    const { vault, table, db } = await newVault(await open())
    const seen: unknown[] = []
    const endLog = logTo({ debug: (...args) => seen.push(args), warn: (...args) => seen.push(args) })
    const tokens = ['at', 'rt', 'key', 'hook', 'at2', 'late'].map(canary)
    const [at, rt, key, hook, at2, late] = tokens as [string, string, string, string, string, string]
    const columns = async () =>
      seen.push(await db.execute(sql`select v, v::text, encode(encrypted_value, 'escape') from ${table} as v`))
    const fails = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(WaxsealError)
      seen.push(error, JSON.stringify(error), (error as Error).stack)
    }

    await vault.putGrant({ ...google, tokens: { access_token: { value: at }, refresh_token: { value: rt } } })
    await vault.storeToken('t1', 'google', 'api_key', { value: key })
    const hookId = await vault.storeToken('t1', 'whatsapp', 'webhook_secret', { value: hook })
    await columns()
    expect((await vault.getGrant(google))?.tokens.refresh_token?.value).toBe(rt)
    const accessId = await vault.storeToken('t1', 'google', 'access_token', { value: at2 })
    await vault.markTokenInvalid(accessId, new Error(`invalid_token: ${at2} was refused, ${spellings(at2).join(' ')}`))
    await vault.markTokenInvalid(hookId, `${hook} 401`)
    await columns()
    seen.push(await vault.listGrants(), await vault.countGrants(), await vault.findExpiringTokens(60))

    const refusing = async () => {
      throw Object.assign(new Error(`invalid_token ${rt}`), { response: { body: at } })
    }
    const revoking = createTokenVault({ db, table, envelope, providers: { google: { revoke: refusing } } })
    await fails(revoking.revokeGrant(google))
    await columns()

    await fails(vault.storeToken('t1', 'google', 'api_key', { value: late, expiresAt: new Date('never') }))
    await fails(
      vault.putGrant({ ...google, tokens: { api_key: { value: late }, access_token: { value: late } } as never }),
    )
    await fails(vault.deleteToken(late))
    await fails(vault.storeToken('t1', 'google', late as never, { value: late }))
    const target = sql.identifier(getTableName(table))
    await db.execute(sql`alter table ${target} add constraint none check (version > 1000) not valid`)
    await fails(vault.storeToken('t1', 'google', 'api_key', { value: late }))
    await fails(vault.storeToken('t2', 'google', 'api_key', { value: late }))
    await db.execute(sql`drop table ${target}`)
    await fails(vault.storeToken('t1', 'google', 'api_key', { value: late }))
    endLog()

    const everything = inspect(seen, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null })
    expect(everything).toContain('invalid_token')
    expect(everything.length).toBeGreaterThan(10_000)
    for (const spelling of tokens.flatMap(spellings)) expect(everything.includes(spelling)).toBe(false)
    await vault.dispose()
  })
})

it('the search finds a token in each of its spellings', () => {
  const token = canary('at')
  for (const shift of ['', 'x', 'xy']) {
    const text = Buffer.from(`${shift}${token} and more`).toString('base64')
    expect(spellings(token).some((spelling) => text.includes(spelling))).toBe(true)
  }
})
