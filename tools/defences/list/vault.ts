import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/drizzle/src/vault'
const tests = 'packages/drizzle/test/vault'
const sealed = `${src}/sealed-tokens.ts`
const sealedTests = `${tests}/sealed.test.ts`
const refreshing = `${src}/refresh/refresh-statements.ts`
const racesTests = `${tests}/refresh-races.test.ts`
const outcomesTests = `${tests}/refresh-outcomes.test.ts`
const doubtTests = `${tests}/refresh-doubt.test.ts`
const database = `${src}/vault-database.ts`
const tenancyTests = `${tests}/tenancy.test.ts`
const postgres = "'postgres by node-postgres'"

/** The token vault: that a grant opens in its own row alone, and that a refresh token is neither spent twice nor lost. */
export const vault: readonly Defence[] = [
  {
    attack: 1,
    defence: 'a grant opens in its own row alone',
    patch: [replace(sealed, 'provider, account, kind, id }', 'provider, account, kind, id: id.slice(0, 0) }')],
    testFile: sealedTests,
    test: "'postgres by node-postgres' whoever gives a row another id, or copies the value of another, does not open it",
  },
  {
    attack: 1,
    defence: 'a grant opens for its own tenant alone',
    patch: [replace(sealed, 'tenant: tenantId, provider', "tenant: '', provider")],
    testFile: sealedTests,
    test: "'postgres by node-postgres' whoever moves a row to another tenant_id does not open it there",
  },
  {
    attack: 1,
    defence: 'a grant opens in its own vault alone',
    patch: [replace(sealed, 'table: this.#logicalName', "table: ''")],
    testFile: sealedTests,
    test: 'a sealed grant does not open in another row, another vault, or as a record of another purpose',
  },
  {
    attack: 20,
    defence: 'of what a provider refuses with, only known codes are kept',
    patch: [replace(`${src}/refresh/refusal.ts`, "isKnown ? error : 'unknown'", "error ?? 'unknown'")],
    testFile: `${tests}/canary-refresh.test.ts`,
    test: `${postgres} refreshed, refused and unanswered tokens are in no column, outbox row, event, log or error`,
  },
  {
    attack: 23,
    defence: 'a refresh token that may be spent is not tried again while the access token runs',
    patch: [remove(refreshing, '      dares(terms),\n')],
    testFile: doubtTests,
    test: 'after the grace it is not asked while the old access token runs',
  },
  {
    attack: 23,
    defence: 'what a gateway answers is no answer of the provider',
    patch: [
      replace(`${src}/refresh/refusal.ts`, 'code !== undefined || !(status >= 500 ||', 'true || !(status >= 500 ||'),
    ],
    testFile: outcomesTests,
    test: 'a gateway that waited no longer: REFRESH_FAILED and in doubt',
  },
  {
    attack: 23,
    defence: 'a rotation that was lost is told from a user who withdrew',
    patch: [replace(`${src}/refresh/attempts.ts`, "isLost ? 'LOST_ROTATION' : refusal.status", 'refusal.status')],
    testFile: doubtTests,
    test: 'a token that is refused counts as expired: in doubt too, the provider is asked',
  },
  {
    attack: 23,
    defence: 'an event is compared with the status after what it has waited for',
    patch: [replace(`${src}/outbox/former-status.ts`, "row.for('no key update')", 'row')],
    testFile: `${tests}/outbox.test.ts`,
    test: `${postgres} a failure that waited for another change is compared with the status after that one`,
  },
  {
    attack: 23,
    defence: 'rotation writes over no record that it has not read',
    patch: [
      replace(
        `${src}/rotation/rotation-statements.ts`,
        "and(eq(table.id, parameter('id')), eq(table.encryptedValue, parameter('readValue')))",
        "eq(table.id, parameter('id'))",
      ),
    ],
    testFile: `${tests}/rotation.test.ts`,
    test: `${postgres} a write that comes between its read and its write stays, and is sealed anew if it must be`,
  },
  {
    attack: 24,
    defence: 'a grant that somebody is refreshing is claimed by nobody else',
    patch: [remove(refreshing, '      sql`not ${leased}`,\n')],
    testFile: `${tests}/refresh-sweep.test.ts`,
    test: `${postgres} a lease keeps sweeps off too, when the token has expired and nothing could be lost`,
  },
  {
    attack: 24,
    defence: 'reports make at most one refresh a minute',
    patch: [replace(refreshing, ' and not ${recent}, false', ', false')],
    testFile: `${tests}/refresh-forced.test.ts`,
    test: `${postgres} a token less than a minute old is not refreshed again, however often it is reported`,
  },
  {
    attack: 24,
    defence: 'a COMMIT matches no other version than the one that was claimed',
    patch: [replace(refreshing, '.where(ofClaim)', '.where(ofId)')],
    testFile: racesTests,
    test: `${postgres} connecting again during a refresh: the new grant stays, the late tokens are dropped`,
  },
  {
    attack: 24,
    defence: 'a COMMIT asks for the version, not for the lease: a slow holder has the only valid token',
    patch: [replace(refreshing, '.where(ofClaim)', '.where(and(ofClaim, isNotNull(table.leaseOwner)))')],
    testFile: racesTests,
    test: `${postgres} a slow holder whose lease was taken keeps the only valid token, and the other does no harm`,
  },
  {
    attack: 24,
    defence: 'an access token that is stored moves no version',
    patch: [
      replace(
        `${src}/statements.ts`,
        'renew: db.update(table).set(renewed)',
        'renew: db.update(table).set({ ...renewed, ...newAuthority })',
      ),
    ],
    testFile: racesTests,
    test: `${postgres} a new access token during a refresh: the new refresh token is not lost`,
  },
  {
    attack: 24,
    defence: 'tokens that come for a grant that was revoked meanwhile are given back',
    patch: [
      remove(
        `${src}/refresh/refresh-writer.ts`,
        "      if (written === 'withdrawn') await this.#giveBack(claimed, renewed)\n",
      ),
    ],
    testFile: racesTests,
    test: `${postgres} revoking during a refresh: the provider is told of the late tokens too, and nothing comes back to life`,
  },
  {
    attack: 24,
    defence: 'the key to seal with is there before the provider is asked',
    patch: [
      remove(`${src}/refresh/refresher.ts`, '    const sealer = await grants.prepare()\n'),
      replace(
        `${src}/refresh/refresher.ts`,
        'if (claim !== undefined) return this.#attempts.run(claim, sealer',
        'if (claim !== undefined) return this.#attempts.run(claim, await grants.prepare()',
      ),
    ],
    testFile: `${tests}/refresh-faults.test.ts`,
    test: 'a key service that opens and gives no key to seal with: nothing is claimed either',
  },
  {
    attack: 24,
    defence: 'after a failure the provider is left alone for a while',
    patch: [remove(refreshing, '      sql`not ${heldBack}`,\n')],
    testFile: outcomesTests,
    test: '503 with a code: REFRESH_FAILED, not before the pause is over, nothing in doubt',
  },
  {
    attack: 24,
    defence: 'Retry-After is honoured',
    patch: [replace(`${src}/refresh/back-off.ts`, 'Math.max(pause * (1 - Math.random() / 2), askedFor)', 'pause')],
    testFile: outcomesTests,
    test: '429 with Retry-After: REFRESH_FAILED, not before the pause is over, nothing in doubt',
  },
  {
    attack: 24,
    defence: 'a refresh token that was refused is never spent again',
    patch: [remove(`${src}/refresh/attempts.ts`, '    if (isTerminal) await this.#invalidate(row, spent)\n')],
    testFile: outcomesTests,
    test: 'a refresh token that was refused is not spent again because an access token was stored',
  },
  {
    attack: 26,
    defence: 'names of tables and columns are quoted',
    patch: [replace(`${src}/table-sql.ts`, `identifier.replaceAll('"', '""')`, 'identifier')],
    testFile: `${tests}/outbox-table.test.ts`,
    test: `${postgres} takes names as they are`,
  },
  {
    attack: 28,
    defence: 'a vault takes no transaction, whose rollback would take a token back',
    patch: [remove(database, '    checkDatabase(db, harm)\n')],
    testFile: `${tests}/database.test.ts`,
    test: `${postgres} takes no transaction: its rollback would take a token back`,
  },
  {
    attack: 28,
    defence: 'a call about all tenants rejects where it would see none',
    patch: [
      replace(database, 'this.isTenantBound ? systemDb : db', 'systemDb ?? db'),
      replace(database, 'if (standing?.seesAll === true) return', 'if (standing !== undefined) return'),
    ],
    testFile: tenancyTests,
    test: "'node-postgres' without systemDb a call about all tenants says so, and uses are written tenant by tenant",
  },
  {
    attack: 28,
    defence: 'a role that sees but some rows is told before it takes none for an answer',
    patch: [replace(database, 'if (standing?.seesAll === true) return', 'if (standing !== undefined) return')],
    testFile: `${tests}/outbox-table.test.ts`,
    test: "'node-postgres' pruneOutbox needs systemDb, and a role of it that sees all events",
  },
  {
    attack: 28,
    defence: 'a role that row-level security does not hold for is told before any row is read',
    patch: [replace(database, 'standing?.isBound !== true', 'standing === undefined')],
    testFile: tenancyTests,
    test: "'node-postgres' a role for which it does not hold is told, before any row is read",
  },
  {
    attack: 28,
    defence: 'a write that loses in REPEATABLE READ is repeated',
    patch: [
      replace('packages/drizzle/src/repeating.ts', '!isToBeRepeated(error) || attempt === MOST_ATTEMPTS', 'true'),
    ],
    testFile: `${tests}/database.test.ts`,
    test: 'connections that default to repeatable read lose no write that races',
  },
  {
    attack: 20,
    defence: 'what somebody writes into a row is quoted in no error',
    patch: [replace(`${src}/refresh/standing.ts`, 'isReported(lastError)', 'true')],
    testFile: outcomesTests,
    test: 'REFRESH_FAILED: what somebody wrote into the row by hand gets into no error',
  },
  {
    attack: 25,
    defence: 'while the database does not answer, no more is remembered than so much',
    patch: [replace(`${src}/usage.ts`, 'this.#uses.size >= MOST_NOTED', 'false')],
    testFile: `${tests}/usage.test.ts`,
    test: 'while the database does not answer, uses are gathered, so many and no more, and written once it does',
  },
]
