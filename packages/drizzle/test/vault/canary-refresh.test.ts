/** Known tokens go through refreshes of every outcome, and turn up nowhere but where they were asked for. */
import { inspect } from 'node:util'
import { logTo } from '@waxseal/core'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import type { ProviderProfile, SavedGrant, TokenResponse } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { canary, spellings } from './support/canaries.ts'
import { withOutbox } from './support/outboxes.ts'
import { google } from './support/refreshing.ts'

/** A vault whose provider gives tokens that are known, and quotes them in whatever it refuses. */
async function start(open: (typeof databases)[number]['open']) {
  const tokens: string[] = []
  const newToken = (name: string) => {
    tokens.push(canary(name))
    return tokens.at(-1) as string
  }
  const quotes = () => tokens.flatMap(spellings).join(' ')
  const answers: (() => TokenResponse)[] = []
  const refresh: ProviderProfile['refresh'] = async () => {
    const twist = answers.shift()
    if (twist !== undefined) return twist()
    return { access_token: newToken('at'), refresh_token: newToken('rt'), expires_in: 3600 }
  }
  /** As the next answer, an error that says all that the provider knows, wherever a client could put it. */
  const refuse = (fields: object) =>
    answers.push(() => {
      const cause = Object.assign(new Error(quotes()), { error: tokens.at(-1), body: quotes() })
      const response = new Response(quotes(), { status: 400, headers: { 'x-token': tokens.at(-1) ?? '' } })
      throw Object.assign(new Error(quotes(), { cause }), { error_description: quotes(), response }, fields)
    })

  const seen: unknown[] = []
  const log = (...args: unknown[]) => seen.push(...args)
  const endLog = logTo({ debug: log, warn: log })
  const parts = await withOutbox(await open(), { refresh, rotates: false })
  const { vault, db, table, outbox, set } = parts
  await vault.putGrant({
    ...google,
    tokens: {
      access_token: { value: newToken('at'), expiresAt: new Date(Date.now() + 60_000) },
      refresh_token: { value: newToken('rt') },
    },
  })

  /** Notes all that is in the tables, and what a call that fails says. */
  async function look(call?: Promise<unknown>): Promise<void> {
    const error = await call?.then(
      () => undefined,
      (reason: Error) => reason,
    )
    if (error !== undefined) seen.push(error, JSON.stringify(error), error.stack)
    seen.push(await db.execute(sql`select v, v::text, encode(encrypted_value, 'escape') from ${table} as v`))
    seen.push(await db.execute(sql`select o, o::text from ${outbox} as o`))
    await set(sql`retry_after = null, last_refreshed_at = now() - interval '2 minutes'`)
  }
  /** Everything that was seen as one text. */
  function end(): string {
    endLog()
    return inspect(seen, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null })
  }
  return { ...parts, tokens, refuse, look, end, seen, newToken }
}

function expectNone(tokens: readonly string[], everything: string): void {
  expect(everything.length).toBeGreaterThan(5000)
  for (const spelling of tokens.flatMap(spellings)) expect(everything.includes(spelling)).toBe(false)
}

describe.each(databases)('$database', ({ open }) => {
  it('refreshed, refused and unanswered tokens are in no column, outbox row, event, log or error', async () => {
    const { vault, tokens, refuse, look, end, set, events } = await start(open)
    await look(vault.getFreshAccessToken(google))
    refuse({ error: tokens.at(-1), status: 400 })
    await look(vault.reportUnauthorized(google, 2))
    refuse({ error: 'invalid_client', status: 401 })
    await look(vault.reportUnauthorized(google, 2))
    refuse({ status: 502 })
    await look(vault.refreshGrant(google))
    refuse({ response: undefined })
    await look(vault.reportUnauthorized(google, 2))
    await set(sql`expires_at = now()`)
    refuse({ error: 'temporarily_unavailable', status: 503 })
    await vault.refreshSweep()
    await look()
    await vault.refreshSweep()
    await look()
    refuse({ error: 'invalid_grant', status: 400 })
    await look(vault.reportUnauthorized(google, 3))
    await vault.dispose()

    expect(await events()).toEqual([
      ...['stored', 'refreshed', 'refresh_failed', 'config_error', 'refresh_failed', 'refreshed', 'reauth_required'],
    ])
    const everything = end()
    for (const word of ['invalid_client, HTTP 401', 'no_answer', 'reauth_required']) expect(everything).toContain(word)
    expectNone(tokens, everything)
  })
})

it('what the database did not take is sealed where the app keeps it, and recovered from there', async () => {
  const { newVault, tokens, look, end, seen, db, table, row } = await start(databases.at(-1)!.open)
  const kept: SavedGrant[] = []
  const vault = newVault({ onPersistFailure: (saved) => void kept.push(saved) })
  await db.execute(sql`alter table ${table} add constraint none check (version < 2) not valid`)
  await look(vault.getFreshAccessToken(google))
  seen.push(...kept, JSON.stringify(kept))
  await look(vault.recoverGrant(kept[0]!))
  await db.execute(sql`alter table ${table} drop constraint none`)
  expect(await vault.recoverGrant(kept[0]!)).toBe(true)
  await look()
  expect(await row()).toMatchObject({ version: 2, status: 'ACTIVE' })
  expect((await vault.getGrant(google))?.tokens.refresh_token?.value).toBe(tokens.at(-1))
  expectNone(tokens, end())
})
