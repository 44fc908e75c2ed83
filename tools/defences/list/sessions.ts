import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/session/src'
const tests = 'packages/session/test'
const dynamodb = 'packages/dynamodb/src'
const dynamodbTests = 'packages/dynamodb/test'
const plantedTests = `${tests}/planted-rows.test.ts`
const suite = 'tools/suite/test/memory.test.ts'
const contractTests = `${dynamodbTests}/dynamodb-session-table.test.ts`
const swapped =
  'a record opens nowhere but where it was written not in another row, under another logical name, of another tenant or app'

/** The session store: whose rows count, how long a session lasts, and what becomes of writes that meet each other. */
export const sessions: readonly Defence[] = [
  {
    attack: 1,
    defence: 'a session is bound to its row',
    patch: [
      replace(
        `${src}/sealed-session.ts`,
        'table: this.#logicalName, key }',
        'table: this.#logicalName, key: key.slice(0, 0) }',
      ),
    ],
    testFile: plantedTests,
    test: swapped,
  },
  {
    attack: 1,
    defence: 'a session is bound to the logical name of its table',
    patch: [replace(`${src}/sealed-session.ts`, 'table: this.#logicalName, key }', "table: 'any', key }")],
    testFile: plantedTests,
    test: swapped,
  },
  {
    attack: 1,
    defence: 'a session is bound to its purpose',
    patch: [replace(`${src}/sealed-session.ts`, "envelope.with({ purpose: 'session' })", 'envelope')],
    testFile: plantedTests,
    test: 'a record opens nowhere but where it was written not as a session, when it was sealed for another purpose',
  },
  {
    attack: 12,
    defence: 'a stolen partition key is no session id',
    patch: [
      replace(
        `${src}/session-id.ts`,
        "return hash('sha256', sessionId, 'base64url')",
        "return sessionId.length === 43 ? sessionId : hash('sha256', sessionId, 'base64url')",
      ),
    ],
    testFile: plantedTests,
    test: 'the key of a row is no session id: who has stolen the table signs in as nobody',
  },
  {
    attack: 12,
    defence: 'an item of another layout is no row',
    patch: [remove(`${dynamodb}/item.ts`, '||\n    item.version?.N !== String(ITEM_VERSION)')],
    testFile: contractTests,
    test: "'dynalite' refuses an item with another version as malformed",
  },
  {
    attack: 15,
    defence: 'a row that cannot be read is no session, and no error',
    patch: [
      replace(`${src}/session-reader.ts`, '      if (!isUnreadable(error)) throw error\n', '      throw error\n'),
    ],
    testFile: suite,
    test: 'on memory any flipped byte: no session, an event, the row kept',
  },
  {
    attack: 15,
    defence: 'a record that verifies must hold a session',
    patch: [
      replace(
        `${src}/sealed-session.ts`,
        'if (!isSealedSession(sealed)) {',
        'if (!isSealedSession(sealed) && false) {',
      ),
    ],
    testFile: `${tests}/session-reader.test.ts`,
    test: 'a record that verifies but holds no absolute end is unreadable',
  },
  {
    attack: 17,
    defence: 'a session id is well-formed Unicode',
    patch: [remove(`${src}/session-id.ts`, '|| !sessionId.isWellFormed()')],
    testFile: suite,
    test: `on memory the id "\\ud800" is refused before any call`,
  },
  {
    attack: 21,
    defence: 'a session that is regenerated at sign-in is gone under its old id',
    patch: [
      replace(
        `${src}/session-store.ts`,
        "this.destroy(request.sessionID ?? '', (error) => {",
        'setImmediate((error?: unknown) => {',
      ),
    ],
    testFile: suite,
    test: 'on memory under Express passport’s login with keepSessionInfo: right user, data kept, old id dead',
  },
  {
    attack: 21,
    defence: 'an expired row that is still in the table is no session',
    patch: [replace(`${src}/session-reader.ts`, 'return row.expiresAt <= this.clock.now()', 'return false')],
    testFile: `${tests}/session-store.property.test.ts`,
    test: 'expiry a session is there exactly while its idle and its absolute life last',
  },
  {
    attack: 21,
    defence: 'no table writer can prolong a session beyond its sealed end',
    patch: [
      replace(
        `${src}/session-reader.ts`,
        'sealed.absoluteExpiresAt <= this.clock.now()',
        'sealed.absoluteExpiresAt < 0',
      ),
    ],
    testFile: `${tests}/expiry.test.ts`,
    test: 'the absolute end holds whatever the row says',
  },
  {
    attack: 21,
    defence: 'a write does not begin a new life',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'return absoluteExpiresAt > now ? { createdAt, absoluteExpiresAt, userTag, revision: revision + 1 } : undefined',
        'return undefined',
      ),
    ],
    testFile: suite,
    test: 'on memory who sets the expiry to next year cannot make a session outlive its absolute lifetime',
  },
  {
    attack: 21,
    defence: 'a touch does not bring a row back that is gone',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "'revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt'",
        "'attribute_not_exists(expiresAt) OR (revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt)'",
      ),
    ],
    testFile: contractTests,
    test: "'dynalite' session table does not create a row by extending it",
  },
  {
    attack: 21,
    defence: 'a touch does not bring an expired row back',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "'revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt'",
        "'revision = :revision AND (:now > :now OR expiresAt > :zero) AND expiresAt < :expiresAt'",
      ),
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "        ':ttl': number(toTtl(expiresAt)),\n",
        "        ':ttl': number(toTtl(expiresAt)),\n        ':zero': number(0),\n",
      ),
    ],
    testFile: contractTests,
    test: "'dynalite' session table does not extend an expired row",
  },
  {
    attack: 21,
    defence: 'a touch moves forward only',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "'revision = :revision AND expiresAt > :now AND expiresAt < :expiresAt'",
        "'revision = :revision AND expiresAt > :now'",
      ),
    ],
    testFile: contractTests,
    test: "'dynalite' session table extends forward only",
  },
  {
    attack: 21,
    defence: 'a logout is final: a loaded session is written over its row alone',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'if (current === undefined || current.expiresAt <= now || !isSameLife(current, over)) return false',
        'if (current === undefined) return this.#insert(write, signal)',
      ),
    ],
    testFile: suite,
    test: 'on memory under Express a logout during a slow request stays final, and the slow answer is whole',
  },
  {
    attack: 21,
    defence: 'the table updates no row that is gone',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "ConditionExpression: 'revision = :revision AND expiresAt > :now'",
        "ConditionExpression: 'attribute_not_exists(revision) OR (revision = :revision AND expiresAt > :now)'",
      ),
    ],
    testFile: contractTests,
    test: "'dynalite' session table does not update a row that is gone: a logout is final",
  },
  {
    attack: 21,
    defence: 'a server whose clock is behind takes no life from a session',
    patch: [
      replace(`${src}/session-writer.ts`, 'Math.min(row.expiresAt, oneLife) - TOLERANCE', 'row.expiresAt - TOLERANCE'),
    ],
    testFile: `${tests}/clocks.test.ts`,
    test: 'of servers whose clocks are -600 seconds apart neither takes back what the other added to the life of a session with no cookie',
  },
  {
    attack: 21,
    defence: 'time-outs do not follow the wall clock',
    patch: [
      replace(
        `${src}/deadlines.ts`,
        'const endsAt = performance.now() + this.#milliseconds',
        'const endsAt = Date.now() + this.#milliseconds',
      ),
      replace(`${src}/deadlines.ts`, 'const now = performance.now()', 'const now = Date.now()'),
    ],
    testFile: `${tests}/clocks.test.ts`,
    test: 'a clock that is moved while an operation is under way by -600 seconds changes nothing about its time-out',
  },
  {
    attack: 27,
    defence: 'a session written under a new id is written on its own terms',
    patch: [
      replace(`${src}/load-state.ts`, 'if (attached?.key === key) return attached', 'if (attached) return attached'),
    ],
    testFile: `${tests}/load-state.test.ts`,
    test: 'a session object under two ids is two sessions',
  },
  {
    attack: 27,
    defence: 'a session whose keys were copied under a new id is written on its own terms',
    patch: [replace(`${src}/load-state.ts`, 'return carried?.key === key ? carried : undefined', 'return carried')],
    testFile: `${tests}/load-state.test.ts`,
    test: 'a session object got by callback and copied under another id is a session of its own',
  },
  {
    attack: 27,
    defence: 'writes of one session keep their order',
    patch: [
      replace(
        `${src}/key-queue.ts`,
        'const result = tail === undefined ? task() : tail.then(task, task)',
        'const result = task()',
      ),
    ],
    testFile: `${tests}/key-queue.test.ts`,
    test: 'while a save is under way a destroy waits for it',
  },
  {
    attack: 27,
    defence: 'a refused save is no error that cuts the answer off',
    patch: [
      replace(
        `${src}/session-operations.ts`,
        "if (!stored) this.#report('refused', 'set', key)",
        "if (!stored) throw new WaxsealError('ERR_WAXSEAL_STORE_UNAVAILABLE', 'refused')",
      ),
    ],
    testFile: suite,
    test: 'on memory under Express trap 4: 8 MB to a slow client arrive whole while the save at the end is refused',
  },
  {
    attack: 27,
    defence: 'a touch that fails is no error that cuts the answer off',
    patch: [replace(`${src}/session-operations.ts`, '      if (!softly) throw error\n', '      throw error\n')],
    testFile: suite,
    test: 'on memory under Express trap 4: 8 MB arrive whole while the database is down for the touch at the end',
  },
]
