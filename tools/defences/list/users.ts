import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/session/src'
const keyTests = 'packages/session/test/index-keys.test.ts'
const userTests = 'packages/session/test/user-sessions.test.ts'
const index = 'packages/dynamodb/src/user-index.ts'
const indexTests = 'packages/dynamodb/test/user-index.test.ts'
const orderTests = 'packages/dynamodb/test/user-index-order.test.ts'
const version1Tests = 'packages/dynamodb/test/version1-users.test.ts'
const anyOrder = "on 'dynalite' in each of 20 orders a login is ended as well, or is answered and found"
const ownTags = 'gives every user a tag of its own, under every logical name and in every table'

/** The sessions of one user: that nobody reads whose they are, and that none is left when they end. */
export const users: readonly Defence[] = [
  {
    attack: 19,
    defence: 'the index of users is keyed',
    patch: [replace(`${src}/index-keys.ts`, "createHmac('sha256', key)", "createHmac('sha256', '')")],
    testFile: keyTests,
    test: ownTags,
  },
  {
    attack: 19,
    defence: 'ids that look alike have tags of their own',
    patch: [
      replace(
        `${src}/index-keys.ts`,
        "JSON.stringify(['waxseal/user-tag', this.#logicalName, user])",
        "['waxseal/user-tag', this.#logicalName, user].join()",
      ),
    ],
    testFile: keyTests,
    test: ownTags,
  },
  {
    attack: 19,
    defence: 'the table holds no id of a user',
    patch: [
      replace(
        `${src}/index-keys.ts`,
        "return createHmac('sha256', key).update(text).digest('base64url')",
        'return user + text.slice(0, 0) + createHmac.name.slice(0, 0) + key.type.slice(0, 0)',
      ),
    ],
    testFile: userTests,
    test: 'the table, the errors and the events hold no id of a user',
  },
  {
    attack: 1,
    defence: 'what was sealed says whose a session is, not the tag beside it',
    patch: [
      replace(
        `${src}/user-sessions.ts`,
        'isForeign: sealed !== undefined && !mayBeOf(user, sealed, userId)',
        'isForeign: sealed !== undefined && mayBeOf.length < 0 && user === userId.name',
      ),
    ],
    testFile: userTests,
    test: 'rows that somebody who can write the table has made a session that carries another user’s tag is neither listed nor ended as theirs',
  },
  {
    attack: 20,
    defence: 'what the option userId throws stays inside',
    patch: [
      replace(
        `${src}/user-id.ts`,
        '    return call()\n  } catch {\n',
        '    return call()\n  } catch (error) {\n    if (error !== null) throw error\n',
      ),
    ],
    testFile: userTests,
    test: 'the option userId that throws makes the session invalid, and what it threw stays inside',
  },
  {
    attack: 21,
    defence: 'a login looks whether its entry still stands',
    patch: [replace(index, 'stays = entries.standing.includes(entry)', 'stays = entry !== null')],
    testFile: orderTests,
    test: anyOrder,
  },
  {
    attack: 21,
    defence: 'a login that cannot look is taken back',
    patch: [replace(index, 'let stays = false', 'let stays = true')],
    testFile: orderTests,
    test: "on 'dynalite' a login whose look at the index fails leaves no row",
  },
  {
    attack: 21,
    defence: 'a removal says so before it looks for rows',
    patch: [replace(index, 'if (ending.length > 0) await this.#change(', 'if (ending.length < 0) await this.#change(')],
    testFile: orderTests,
    test: anyOrder,
  },
  {
    attack: 21,
    defence: 'a login that was ended takes with it what was written on top of it',
    patch: [
      replace(
        index,
        '      if (!stays) await inOwnTime((own) => this.#removeRow(row.key, userTag, own))\n',
        `      const there = (await this.#connection.get(row.key, signal))?.record?.B ?? new Uint8Array()
      if (!stays && Buffer.compare(there, row.record) === 0) await this.#removeRow(row.key, userTag, signal)
`,
      ),
    ],
    testFile: orderTests,
    test: "on 'dynalite' a login in a session that is there, while another request writes on top of it",
  },
  {
    attack: 21,
    defence: 'a session that has become another user’s is not ended',
    patch: [
      replace(
        index,
        "ConditionExpression: 'userTag = :tag',",
        "ConditionExpression: 'userTag = :tag OR attribute_exists(userTag)',",
      ),
    ],
    testFile: 'packages/dynamodb/test/dynamodb-session-table.test.ts',
    test: "'dynalite' session table does not remove a row that has become another user’s",
  },
  {
    attack: 21,
    defence: 'a login that was ended is not stored once more',
    patch: [replace(`${src}/session-writer.ts`, 'if (outcome.signedOut) {', 'if (outcome.signedOut === null) {')],
    testFile: userTests,
    test: 'a login that meets the end of all of the user’s sessions is refused, not stored once more',
  },
  {
    attack: 21,
    defence: 'nor with the next save of the same request',
    patch: [
      remove(`${src}/session-writer.ts`, '        this.remember(write, asLoaded(row, revision, nothing, nothing))\n'),
    ],
    testFile: userTests,
    test: 'a login that meets the end of all of the user’s sessions stays refused when the same object is saved again with {}',
  },
  {
    attack: 23,
    defence: 'what version 1 has left beside a session ends with it',
    patch: [
      replace(
        `${src}/user-sessions.ts`,
        'if (!found.isForeign && !kept.includes(found.row.key)) await',
        'if (!found.isForeign && kept.includes(found.row.key)) await',
      ),
    ],
    testFile: version1Tests,
    test: "sessions of version 1 of one user on 'dynalite' destroyAllOf ends one that is half upgraded for good, its item before its row",
  },
  {
    attack: 21,
    defence: 'a save that upgrades a session which was ended is refused',
    patch: [replace(`${src}/version1-writer.ts`, 'if (outcome.signedOut) {', 'if (outcome.signedOut === null) {')],
    testFile: version1Tests,
    test: "sessions of version 1 of one user on 'dynalite' a save that upgrades one is refused when the user’s sessions end meanwhile",
  },
  {
    attack: 21,
    defence: 'a session from before the option is found once it is used',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'const userTags = unsettled === undefined ? this.#userTags : undefined',
        'const userTags = unsettled === null ? this.#userTags : undefined',
      ),
    ],
    testFile: userTests,
    test: 'sessions from before are found from their next due touch on, which keeps what they hold',
  },
  {
    attack: 23,
    defence: 'a removal that ends half-way leaves word of what it had not removed',
    patch: [replace(index, "'DELETE #entries :some ADD #leaving :some'", "'DELETE #entries :some, #leaving :some'")],
    testFile: orderTests,
    test: "on 'dynalite' a removal that ends after 2 of its calls leaves nothing that the next one misses",
  },
  {
    attack: 23,
    defence: 'a replaced index key goes on counting for lookups',
    patch: [replace(`${src}/index-keys.ts`, 'return this.#keys.flatMap(', 'return this.#keys.slice(-1).flatMap(')],
    testFile: keyTests,
    test: 'counts beside its successor for lookups however long ago it was replaced, and for writing no more',
  },
  {
    attack: 23,
    defence: 'no row goes back to an older index key',
    patch: [
      replace(
        `${src}/index-keys.ts`,
        'if (tag !== undefined && (standing === undefined || standing === tag)) return tag',
        'if (tag !== undefined) return tag',
      ),
    ],
    testFile: keyTests,
    test: 'goes on being used by a process that has not heard of its successor, but never over a row under that one',
  },
  {
    attack: 25,
    defence: 'a login whose answer was lost is checked as well',
    patch: [
      replace(
        index,
        'outcome.written || (current !== undefined && Buffer.compare(current.record, row.record) === 0)',
        'outcome.written || current === null',
      ),
    ],
    testFile: orderTests,
    test: "on 'dynalite' a login whose answer was lost and whose repetition was refused is checked like any other",
  },
  {
    attack: 25,
    defence: 'the entry of a login that may be under way is not pruned',
    patch: [
      replace(
        index,
        'const isOld = ({ addedAt }: IndexEntry) => addedAt < now - UNDER_WAY',
        'const isOld = ({ addedAt }: IndexEntry) => addedAt < now',
      ),
    ],
    testFile: indexTests,
    test: "on 'dynalite' loses entries whose rows are gone, have expired or are another user’s, and keeps all others",
  },
]
