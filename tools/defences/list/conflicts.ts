import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/session/src'
const raceTests = 'packages/session/test/conflicts.test.ts'
const table = `${src}/memory-table.ts`
const suiteRaceTests = 'tools/suite/test/races.test.ts'
const version1Tests = 'packages/dynamodb/test/version1-conflicts.test.ts'

/** Two requests that change one session. */
export const conflicts: readonly Defence[] = [
  {
    attack: 27,
    defence: 'no two changes of one key are merged, not even where they agree: no update is lost',
    patch: [
      remove(
        `${src}/conflict.ts`,
        "    for (const key of here) if (there.has(key)) return 'another request has changed the same key'\n",
      ),
    ],
    testFile: raceTests,
    test: 'under merge the same key to the same value is a conflict: an error, an event, and the stored session as it was',
  },
  {
    attack: 27,
    defence: 'nothing is merged across guarded keys',
    patch: [
      replace(`${src}/conflict.ts`, 'for (const key of this.#guardKeys) {', 'for (const key of [] as string[]) {'),
    ],
    testFile: raceTests,
    test: 'under merge a guarded key there is a conflict: an error, an event, and the stored session as it was',
  },
  {
    attack: 27,
    defence: 'nothing is merged across two users',
    patch: [
      replace(
        `${src}/conflict.ts`,
        'new Set(states.map((state) => this.#userOf(state)))',
        'new Set(states.slice(3).map((state) => this.#userOf(state)))',
      ),
    ],
    testFile: raceTests,
    test: 'under merge nothing is merged across two users',
  },
  {
    attack: 27,
    defence: 'no merge makes a user whom neither request had',
    patch: [
      replace(
        `${src}/conflict.ts`,
        'this.#obstacle([base, mine, theirs, snapshot], here, there)',
        'this.#obstacle([base, mine, theirs], here, there)',
      ),
    ],
    testFile: raceTests,
    test: 'under merge nor is a user made of two requests, neither of which had that user',
  },
  {
    attack: 27,
    defence: 'what a merge kept of another request stays: absence is no deletion',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'const after = asLoaded(row, revision, write.snapshot, snapshot)',
        'const after = asLoaded(row, revision, snapshot, snapshot)',
      ),
    ],
    testFile: raceTests,
    test: 'under merge what the other request stored stays when the same object is set again: absence is no deletion',
  },
  {
    attack: 27,
    defence: 'a touch takes no content back under lastWriteWins',
    patch: [remove(`${src}/conflict.ts`, ' && mine.content !== base.content')],
    testFile: raceTests,
    test: 'a touch with another cookie, under lastWriteWins is stored beside the newer content, which a later set of the same object does not take back',
  },
  {
    attack: 27,
    defence: 'a touch takes no change back whose answer was lost',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'const userTags = unsettled === undefined ? this.#userTags : undefined',
        'const userTags = this.#userTags',
      ),
    ],
    testFile: raceTests,
    test: 'after a write whose answer was lost a touch that would write the row anew, for the sake of its user’s tag, only postpones the expiry',
  },
  {
    attack: 27,
    defence: 'a shorter life that another request gave is not prolonged',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'const inForce = sameCookie(base.cookie, stored.cookie) ? cookie : beginAnew(stored.cookie)',
        'const inForce = sameCookie(base.cookie, stored.cookie) ? cookie : cookie',
      ),
    ],
    testFile: raceTests,
    test: 'the cookie that another request gave a shorter life is not prolonged by the object that has the old one',
  },
  {
    attack: 27,
    defence: 'what cannot be read is not written over as though nothing stood there',
    patch: [
      remove(
        `${src}/session-writer.ts`,
        "if (!lastWins) throw this.conflicts.conflict('another request has changed it, and what it stored cannot be read')",
      ),
    ],
    testFile: raceTests,
    test: 'under merge over a row that cannot be read is a conflict: another process may be able to',
  },
  {
    attack: 25,
    defence: 'a write whose answer was lost is known again',
    patch: [remove(`${src}/session-writer.ts`, '    if (own !== undefined) return own.after\n')],
    testFile: raceTests,
    test: 'after a write whose answer was lost, under merge (it was applied) the next one goes on from what the row says',
  },
  {
    attack: 25,
    defence: 'so is one of several',
    patch: [replace(`${src}/session-writer.ts`, '.slice(-MOST_UNSETTLED)', '.slice(-1)')],
    testFile: raceTests,
    test: 'after a write whose answer was lost, under merge and another one (["applied","lost"]), the third is not in conflict with either',
  },
  {
    attack: 25,
    defence: 'nothing is merged with what may or may not have been stored',
    patch: [
      replace(
        `${src}/session-writer.ts`,
        'if (unsettled !== undefined && !lastWins) {',
        'if (unsettled === null && !lastWins) {',
      ),
      replace(`${src}/session-writer.ts`, 'base: unsettled === undefined ? base : theirs.stored', 'base'),
    ],
    testFile: raceTests,
    test: 'after a write whose answer was lost (it was applied) and another request’s write, nothing is merged',
  },
  {
    attack: 21,
    defence: 'a session made anew is not taken for the one before, though it has been written as often',
    patch: [
      replace(
        `${src}/session-revision.ts`,
        'return randomInt(1, LIVES) * WRITES_OF_A_LIFE',
        'return randomInt(1, 2) * WRITES_OF_A_LIFE',
      ),
    ],
    testFile: raceTests,
    test: 'a session made anew under the id of one that was signed out is not the one a slow request loaded, under merge',
  },
  {
    attack: 21,
    defence: 'a session made anew is written over by no request that loaded the one before',
    patch: [remove(`${src}/session-writer.ts`, ' || !isSameLife(current, over)')],
    testFile: raceTests,
    test: 'a session made anew under the id of one that was signed out is not the one a slow request loaded, under lastWriteWins',
  },
  {
    attack: 23,
    defence: 'a save over an item of version 1 takes no newer one back',
    patch: [
      replace(
        `${src}/version1-writer.ts`,
        'const resolved = { ...write, snapshot, base: write.snapshot, over, exactly: !lastWins }',
        'const resolved = { ...write, snapshot, base: write.snapshot, over, exactly: false }',
      ),
    ],
    testFile: version1Tests,
    test: "on 'dynalite' while version 1 is written what older code and a save of ours changed in different keys is kept",
  },
  {
    attack: 23,
    defence: 'a new session is no item beside a row, where it would never be read',
    patch: [
      replace(
        `${src}/version1-writer.ts`,
        'if (attempt?.written && !(await hasRow())) return',
        'if (attempt?.written) return',
      ),
    ],
    testFile: version1Tests,
    test: "on 'dynalite' a session that was not loaded is no item beside the row of an upgrade that came in between",
  },
  {
    attack: 25,
    defence: 'an upgrade that meets a silent database leaves a save its time',
    patch: [
      replace(
        `${src}/session-operations.ts`,
        'new Deadlines(timeoutMilliseconds / 4)',
        'new Deadlines(timeoutMilliseconds)',
      ),
    ],
    testFile: version1Tests,
    test: "on 'dynalite' a database that falls silent under an upgrade leaves a save most of its time",
  },
  {
    attack: 27,
    defence: 'a write goes over no writing but the one that was read: 1,000 races of two updates',
    patch: [
      replace(table, 'current.revision !== over.revision || current.expiresAt <= now', 'current.expiresAt <= now'),
    ],
    testFile: suiteRaceTests,
    test: "races on memory under 'Express' two requests change two keys at once: both are kept, 1,000 of 1,000",
  },
  {
    attack: 21,
    defence: 'a write needs the row to be there: 1,000 races of a logout and another request',
    patch: [
      replace(
        table,
        'if (current === undefined) return { written: false }\n    if (current.revision',
        'if (current === undefined) return this.insert(row, now)\n    if (current.revision',
      ),
    ],
    testFile: suiteRaceTests,
    test: "races on memory under 'Fastify' a logout races another request: never back, in 1,000 interleavings",
  },
]
