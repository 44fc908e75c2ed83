import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/session/src'
const tests = 'packages/session/test'
const dynamodb = 'packages/dynamodb/src'
const dynamodbTests = 'packages/dynamodb/test'

/** Towards the database: its faults, and the names and ids that reach it. */
export const database: readonly Defence[] = [
  {
    attack: 25,
    defence: 'every operation ends at its time-out',
    patch: [remove(`${src}/deadlines.ts`, '    deadline.reject(reason)\n')],
    testFile: `${tests}/clocks.test.ts`,
    test: 'a clock that is moved while an operation is under way by 600 seconds changes nothing about its time-out',
  },
  {
    attack: 25,
    defence: 'a call to the database is given up at the time-out',
    patch: [
      remove(`${src}/deadlines.ts`, '    deadline.aborted = true\n'),
      remove(`${src}/deadlines.ts`, '    deadline.onabort?.()\n'),
    ],
    testFile: `${tests}/deadlines.test.ts`,
    test: 'the end of an operation comes for an endless conflict of insert, and so do its calls',
  },
  {
    attack: 25,
    defence: 'nothing is written after the caller was told of a time-out',
    patch: [replace(`${src}/session-operations.ts`, 'if (signal.aborted) throw', 'if (signal.aborted && false) throw')],
    testFile: `${tests}/deadlines.test.ts`,
    test: 'after the time-out what was still waiting for its turn does not happen',
  },
  {
    attack: 25,
    defence: 'an answer that was lost is our own success',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'return written || (current !== undefined && isSameRecord(current.record, stored.record))',
        'return written',
      ),
    ],
    testFile: `${dynamodbTests}/faults.test.ts`,
    test: "on 'dynalite' trap 9: a lost answer that the SDK repeats is our own success, not a conflict or a refusal",
  },
  {
    attack: 25,
    defence: 'what DynamoDB leaves unprocessed is sent again',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        'pending = Object.values(UnprocessedItems ?? {}).flat()',
        'pending = Object.values(UnprocessedItems ?? {}).flat().slice(0, 0)',
      ),
    ],
    testFile: `${dynamodbTests}/table-calls.test.ts`,
    test: 'clear, of what DynamoDB leaves unprocessed sends it again also when it comes back under the name of a table that was given by its ARN',
  },
  {
    attack: 25,
    defence: 'what DynamoDB leaves unprocessed of a read is not taken for missing',
    patch: [replace(`${dynamodb}/version1-table.ts`, 'pending = UnprocessedKeys', 'pending = {}')],
    testFile: `${dynamodbTests}/version1-calls.test.ts`,
    test: 'reading what DynamoDB leaves unprocessed is asked for again, and is not taken for missing',
  },
  {
    attack: 25,
    defence: 'DynamoDB is not stormed with what it left unprocessed',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        'if (attempt > 0) await backOff(attempt)',
        'if (attempt > 0) await new Promise(setImmediate)',
      ),
    ],
    testFile: `${dynamodbTests}/table-calls.test.ts`,
    test: 'clear, of what DynamoDB leaves unprocessed sends it again with pauses, and no more after the time-out',
  },
  {
    attack: 25,
    defence: 'an unreachable database is an error, not a signed-out user',
    patch: [
      replace(
        `${src}/sealed-session.ts`,
        "  'ERR_WAXSEAL_KEY_MISMATCH',\n",
        "  'ERR_WAXSEAL_KEY_MISMATCH',\n  'ERR_WAXSEAL_STORE_UNAVAILABLE',\n",
      ),
    ],
    testFile: `${dynamodbTests}/faults.test.ts`,
    test: `faults of dynalite refuse: ERR_WAXSEAL_STORE_UNAVAILABLE, never "no session"`,
  },
  {
    attack: 25,
    defence: 'throttling is an outage',
    patch: [
      replace(
        `${dynamodb}/errors.ts`,
        "return fail('ERR_WAXSEAL_STORE_UNAVAILABLE', `DynamoDB did not answer as it should (${name || 'unknown'})`, true)",
        'return error as never',
      ),
    ],
    testFile: `${dynamodbTests}/sdk-errors.test.ts`,
    test: 'ThrottlingException  is ERR_WAXSEAL_STORE_UNAVAILABLE',
  },
  {
    attack: 25,
    defence: 'a failed write is not taken for done',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        '    state?.update({ ...state.row, unsettled: [...before, unsettled].slice(-MOST_UNSETTLED) })\n    throw error',
        '    throw error',
      ),
    ],
    testFile: `${tests}/session-writer.test.ts`,
    test: 'a change taken back after a write whose outcome is unknown is written',
  },
  {
    attack: 25,
    defence: 'a restart under load loses and repeats no write',
    patch: [replace(`${src}/session-reader.ts`, '      if (!isUnreadable(error)) throw error\n', '')],
    testFile: `${dynamodbTests}/restart.test.ts`,
    test: 'on dynalite restarts under load lose no write that was acknowledged, repeat none, and hang nobody',
  },
  {
    attack: 26,
    defence: 'a session id reaches the table as a hash alone',
    patch: [
      replace(
        `${src}/session-id.ts`,
        "return hash('sha256', sessionId, 'base64url')",
        'return sessionId.slice(0, 2048)',
      ),
    ],
    testFile: `${tests}/hostile-ids.test.ts`,
    test: '10,000 hostile ids are 10,000 sessions, and what reaches the table is a hash each time',
  },
  {
    attack: 26,
    defence: 'names of attributes that come from outside are in no expression',
    patch: [
      replace(
        `${dynamodb}/dynamodb-session-table.ts`,
        "ConditionExpression: 'attribute_not_exists(expiresAt) OR expiresAt <= :now'",
        'ConditionExpression: `attribute_not_exists(${this.#connection.partitionKey}) OR expiresAt <= :now`',
      ),
    ],
    testFile: `${dynamodbTests}/hostile-names.test.ts`,
    test: `on 'dynalite' a partition key named "id OR attribute_exists(kid)" serves every operation`,
  },
  {
    attack: 26,
    defence: 'the partition key is none of our attributes',
    patch: [replace(`${dynamodb}/item.ts`, "name !== '' && !ownAttributes.has(name)", "name !== ''")],
    testFile: `${dynamodbTests}/options.test.ts`,
    test: 'refused partitionKey "record"',
  },
  {
    attack: 26,
    defence: 'what a session may be named for cannot shadow members of it',
    patch: [replace(`${src}/session-content.ts`, 'if (reservedNames.has(name))', 'if (false)')],
    testFile: 'tools/suite/test/memory.test.ts',
    test: 'on memory trap 6: the key __proto__ is refused before any call',
  },
]
