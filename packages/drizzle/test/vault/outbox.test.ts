/** The outbox: what happens to a grant is written with it, once, and nothing that did not happen. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { createTokenVault } from '../../src/vault/index.ts'
import { databases, servers } from '../support/databases.ts'
import { withOutbox } from './support/outboxes.ts'
import { codeOf, google, times } from './support/refreshing.ts'
import { refusal } from './support/strict-provider.ts'
import { envelope } from './support/vaults.ts'

const goOn = sql`retry_after = null`

describe.each(databases)('$database', ({ open }) => {
  it('from connecting to deletion, each event with grant, tenant and time', async () => {
    const { vault, connect, events, row, outbox, db } = await withOutbox(await open())
    await connect(60)
    await vault.getFreshAccessToken(google)
    const { id } = await row()
    await vault.revokeGrant(google)
    await connect(60)
    await vault.deleteGrant(google)
    const all = ['stored', 'refreshed', 'revoking', 'revoked', 'stored', 'deleted']
    expect(await events()).toEqual(all)
    for (const event of await db.select().from(outbox)) {
      expect(event).toMatchObject({ grantId: id, tenantId: 't1', at: expect.any(Date) })
      expect(Math.abs(event.at.getTime() - Date.now())).toBeLessThan(60_000)
    }
  })

  it('failures: one event when it comes to them, none for each attempt', async () => {
    const { vault, provider, connect, events, set, row } = await withOutbox(await open())
    await connect(-1)
    for (const answer of [refusal(503), refusal(429), refusal(401, 'invalid_client'), refusal(401, 'invalid_client')]) {
      provider.next(answer)
      await codeOf(vault.getFreshAccessToken(google))
      await set(goOn)
    }
    expect(await row()).toMatchObject({ status: 'CONFIG_ERROR', failures: 4 })
    expect(await events()).toEqual(['stored', 'refresh_failed', 'config_error'])
    await vault.getFreshAccessToken(google)
    provider.next(refusal(400, 'invalid_grant'))
    await set(sql`last_refreshed_at = now() - interval '2 minutes'`)
    await codeOf(vault.reportUnauthorized(google, 2))
    await codeOf(vault.reportUnauthorized(google, 2))
    expect((await events()).slice(3)).toEqual(['refreshed', 'reauth_required'])
  })

  it('a rotation that was lost, tokens reported invalid, an access token without a successor', async () => {
    const { vault, provider, connect, events, set } = await withOutbox(await open())
    await connect(-1)
    provider.next((rightAnswer) => {
      rightAnswer()
      throw new TypeError('fetch failed')
    })
    await codeOf(vault.getFreshAccessToken(google))
    await set(goOn)
    await codeOf(vault.getFreshAccessToken(google))
    expect(await events()).toEqual(['stored', 'refresh_failed', 'lost_rotation'])

    const { id } = (await vault.getToken('t1', 'google', 'refresh_token'))!
    await vault.markTokenInvalid(id, 'invalid_grant')
    await vault.markTokenInvalid(id, 'invalid_grant')
    expect((await events()).slice(3)).toEqual(['reauth_required'])

    await vault.deleteGrant(google)
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: new Date(Date.now() - 1) })
    expect(await times(3, () => vault.getAccessToken('t1', 'google'))).toEqual([null, null, null])
    expect((await events()).slice(4)).toEqual(['deleted', 'stored', 'expired'])
  })

  it('nothing for what changes no grant, and nothing for what did not happen', async () => {
    const { vault, connect, events, newVault } = await withOutbox(await open())
    await connect(3600)
    await vault.setGrantMetadata(google, { calendar: 'x' })
    await vault.getFreshAccessToken(google)
    await vault.markTokenInvalid((await vault.getToken('t1', 'google', 'access_token'))!.id, 'invalid_token')
    await vault.listGrants()
    await vault.dispose()
    expect(await events()).toEqual(['stored'])

    const refusing = async () => {
      throw new Error('no')
    }
    const failing = newVault({ providers: { google: { revoke: refusing } } })
    expect(await codeOf(failing.revokeGrant(google))).toBe('ERR_WAXSEAL_GRANT_REVOCATION_FAILED')
    expect(await codeOf(failing.revokeGrant(google))).toBe('ERR_WAXSEAL_GRANT_REVOCATION_FAILED')
    expect(await vault.deleteGrant({ ...google, account: 'none' })).toBe(false)
    expect(await events()).toEqual(['stored', 'revoking'])
    await vault.deleteProviderTokens('t1', 'google')
    expect(await events()).toEqual(['stored', 'revoking', 'deleted'])
  })

  it('a record that does not open, until it does again', async () => {
    const { vault, connect, events, set, row } = await withOutbox(await open())
    await connect(3600)
    const { encryptedValue } = await row()
    await set(sql`encrypted_value = set_byte(encrypted_value, 60, get_byte(encrypted_value, 60) # 1)`)
    await vault.putGrant({ ...google, account: 'other', tokens: { access_token: { value: 'at' } } })
    await vault.rotate()
    await vault.rotate()
    expect(await events()).toEqual(['stored', 'stored', 'quarantined'])
    await set(sql`encrypted_value = ${encryptedValue} where account = ''`)
    await times(3, () => vault.getGrant(google))
    expect((await events()).slice(3)).toEqual(['restored'])
  })

  it('neither the change without its event, nor the event without the change', async () => {
    const { vault, provider, connect, row, db, outbox } = await withOutbox(await open())
    const { accessToken } = await connect(60)
    await db.execute(sql`alter table ${outbox} add constraint none check (event = 'none') not valid`)
    expect(await codeOf(vault.revokeGrant(google))).toBe('ERR_WAXSEAL_TABLE_INVALID')
    expect(await codeOf(vault.storeToken('t1', 'google', 'api_key', { value: 'key' }))).toBe(
      'ERR_WAXSEAL_TABLE_INVALID',
    )
    expect(await row()).toMatchObject({ status: 'ACTIVE', version: 1 })
    expect(await vault.countGrants()).toMatchObject({ ACTIVE: 1 })
    expect((await vault.getGrant(google))?.tokens.access_token?.value).toBe(accessToken)
    expect(provider.calls).toBe(0)
  })

  it('without the option nothing is written', async () => {
    const { vault, connect, events, table, db } = await withOutbox(await open())
    const plain = createTokenVault({ db, table, envelope, providers: { google: {} } })
    await plain.putGrant({ ...google, tokens: { access_token: { value: 'at' } } })
    expect(await plain.deleteGrant(google)).toBe(true)
    expect(await events()).toEqual([])
    await connect(60)
    await vault.deleteGrant(google)
    expect(await events()).toEqual(['stored', 'deleted'])
  })

  it('pruneOutbox removes what is old, in more than one batch, and passes over what is being read', async () => {
    const { vault, events, db, outbox, connect } = await withOutbox(await open())
    const target = sql`insert into ${outbox} (grant_id, tenant_id, event, at)`
    const old = sql`select ${randomUUID()}::text::uuid, 't1', 'stored', now() - interval '1 hour' from generate_series(1, 2500)`
    await db.execute(sql`${target} ${old}`)
    await connect(60)
    expect(await vault.pruneOutbox({ olderThanSeconds: 7200 })).toBe(0)
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(vault.pruneOutbox({ olderThanSeconds: 60, signal: aborted })).rejects.toThrow('enough')
    expect(await vault.pruneOutbox({ olderThanSeconds: 60 })).toBe(2500)
    expect(await events()).toEqual(['stored'])
    await expect(vault.pruneOutbox({ olderThanSeconds: -1 })).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('fifty 401s through four vaults: refreshed, once', async () => {
    const { newVault, provider, connect, events } = await withOutbox(await open())
    provider.delay = 50
    await connect(3600)
    const vaults = [newVault(), newVault(), newVault(), newVault()]
    await times(50, (index) => vaults[index % 4]!.reportUnauthorized(google, 1))
    expect(await events()).toEqual(['stored', 'refreshed'])
  })

  it('revoked, deleted and expired by many at once: each once', async () => {
    const { vault, connect, events } = await withOutbox(await open())
    await connect(3600)
    await times(20, () => vault.revokeGrant(google))
    expect(await events()).toEqual(['stored', 'revoking', 'revoked'])
    expect((await times(20, () => vault.deleteGrant(google))).filter(Boolean)).toHaveLength(1)
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: new Date(Date.now() - 1) })
    await times(20, () => vault.getAccessToken('t1', 'google'))
    expect((await events()).slice(3)).toEqual(['deleted', 'stored', 'expired'])
  })

  it('a failure that waited for another change is compared with the status after that one', async () => {
    const { vault, provider, connect, events, set, db, table } = await withOutbox(await open())
    await connect(-1)
    provider.next(refusal(503))
    await codeOf(vault.getFreshAccessToken(google))
    await set(goOn)
    let refreshed: Promise<unknown> | undefined
    await db.transaction(async (tx) => {
      // Holds the row, with a status that nobody sees yet, until the second failure waits for it.
      provider.next(async () => {
        await tx.update(table as never).set({ status: 'ACTIVE' } as never)
        throw Object.assign(new Error('unavailable'), { status: 503 })
      })
      refreshed = codeOf(vault.getFreshAccessToken(google))
      // Of the drivers' answers, the words stand in a row alone.
      const waiting = sql`select 'it ' || 'waits' from pg_stat_activity where wait_event_type = 'Lock' and query like '%former%'`
      await expect.poll(async () => JSON.stringify(await db.execute(waiting)), { timeout: 5000 }).toContain('it waits')
    })
    await refreshed
    expect(await events()).toEqual(['stored', 'refresh_failed', 'refresh_failed'])
  })
})
