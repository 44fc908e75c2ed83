import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/session/src'
const tests = 'packages/session/test'
const dynamodb = 'packages/dynamodb/src'
const dynamodbTests = 'packages/dynamodb/test'

/** Towards the database, where callers share a call. */
export const batches: readonly Defence[] = [
  {
    attack: 25,
    defence: 'what DynamoDB leaves unprocessed of a batch of reads is not taken for missing',
    patch: [remove(`${dynamodb}/coalesced-reads.ts`, '        if (unprocessed.has(key)) continue\n')],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'what DynamoDB leaves unprocessed is asked for again, with pauses, and is not taken for missing; the others have their answer',
  },
  {
    attack: 25,
    defence: 'DynamoDB is not stormed with reads that it left unprocessed',
    patch: [
      replace(
        `${dynamodb}/coalesced-reads.ts`,
        'if (unprocessed.size > 0) await backOff(attempt)',
        'if (unprocessed.size > 0) await new Promise(setImmediate)',
      ),
    ],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'what DynamoDB leaves unprocessed is asked for again, with pauses, and is not taken for missing; the others have their answer',
  },
  {
    attack: 25,
    defence: 'the time-out of one caller does not end the call of the others',
    patch: [replace(`${src}/batches.ts`, 'if (this.#waiting.size === 0) this.#stop()', 'this.#stop()')],
    testFile: `${tests}/batches.test.ts`,
    test: 'whoever gives up is told at once; the call goes on until the last has given up',
  },
  {
    attack: 25,
    defence: 'a call that nobody waits for is given up',
    patch: [remove(`${src}/batches.ts`, '        if (this.#waiting.size === 0) this.#stop()\n')],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'a reader that gives up leaves the call to the others; with the last of them it is stopped',
  },
  {
    attack: 25,
    defence: 'nobody joins a call that has been given up',
    patch: [replace(`${src}/batches.ts`, ' && !open.signal.aborted', '')],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'a reader that gives up and was the only one, makes no call at all, and stops none of those who come after it',
  },
  {
    attack: 25,
    defence: 'a key that DynamoDB refuses fails its own reader alone',
    patch: [
      replace(
        `${dynamodb}/coalesced-reads.ts`,
        "else if (name !== 'ValidationException') throw error",
        'else throw error',
      ),
    ],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'failures of one bad key are its own reader’s: the keys are asked for singly',
  },
  {
    attack: 25,
    defence: 'an outage is not answered with twenty-five times the calls',
    patch: [remove(`${dynamodb}/coalesced-reads.ts`, "      else if (name !== 'ValidationException') throw error\n")],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'failures of the whole call are everybody’s, and cost no further calls',
  },
  {
    attack: 25,
    defence: 'a role without BatchGetItem reads on',
    patch: [
      replace(
        `${dynamodb}/coalesced-reads.ts`,
        "if (name === 'AccessDeniedException') this.#denial.note()",
        "if (name === 'AccessDeniedException') throw error",
      ),
    ],
    testFile: `${dynamodbTests}/coalesced-reads.test.ts`,
    test: 'a role without dynamodb:BatchGetItem reads singly, asks again after some minutes, and is told once',
  },
  {
    attack: 25,
    defence: 'a statement of a batch that failed is not taken for written',
    patch: [
      replace(
        `${dynamodb}/coalesced-writes.ts`,
        '=== undefined) resolve({ written: true })',
        '!== null) resolve({ written: true })',
      ),
    ],
    testFile: `${dynamodbTests}/coalesced-writes.test.ts`,
    test: 'a write whose condition fails has the row that stands in the way, read where the server does not say; the others are written',
  },
  {
    attack: 25,
    defence: 'a write that was throttled within a batch is repeated',
    patch: [
      replace(
        `${dynamodb}/coalesced-writes.ts`,
        '    // Throttled, denied and so on: by a call of their own the SDK repeats them or says what is wrong.\n    sendSingly(batch)\n',
        '    for (const { resolve } of batch.waiting) resolve({ written: true })\n',
      ),
    ],
    testFile: `${dynamodbTests}/coalesced-writes.test.ts`,
    test: 'a write that fails otherwise ThrottlingError: is repeated by itself, where its own write of the first time is in the way',
  },
  {
    attack: 26,
    defence: 'the name of the partition key cannot end its quotes in a statement',
    patch: [replace(`${dynamodb}/coalesced-writes.ts`, `\`"\${name.replaceAll('"', '""')}"\``, '`"${name}"`')],
    testFile: `${dynamodbTests}/coalesced-writes.test.ts`,
    test: 'writes of one tick go together, each under the condition that it has alone',
  },
]
