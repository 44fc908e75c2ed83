import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src/version1'
const tests = 'packages/core/test'
const session = 'packages/session/src'
const dynamodb = 'packages/dynamodb/src'
const readingTests = 'packages/dynamodb/test/version1-reading.test.ts'
const upgradeTests = 'packages/dynamodb/test/version1-upgrade.test.ts'
const finalityTests = 'packages/dynamodb/test/version1-finality.test.ts'
const signOutTests = 'packages/dynamodb/test/version1-sign-outs.test.ts'

/** The two older formats, which bind nothing to its row: a door that must be no wider than its purpose. */
export const version1: readonly Defence[] = [
  {
    attack: 4,
    defence: 'the tag of version 1 has 16 bytes',
    patch: [
      replace(`${src}/cipher.ts`, 'const CIPHER_OPTIONS = { authTagLength: TAG_BYTES }', 'const CIPHER_OPTIONS = {}'),
      replace(
        `${src}/item.ts`,
        "fromBase64(encrypted.authTag, 'authTag', TAG_BYTES, TAG_BYTES)",
        "fromBase64(encrypted.authTag, 'authTag', 4, TAG_BYTES)",
      ),
    ],
    testFile: `${tests}/version1-item.test.ts`,
    test: 'a field is refused authTag: 4 bytes, also those that are its beginning',
  },
  {
    attack: 11,
    defence: 'data keys of the two versions are kept apart',
    patch: [
      replace(
        `packages/core/src/data-keys.ts`,
        'Buffer.concat([scope.digest, Uint8Array.of(keyringId, name.length), name, wrapped])',
        'wrapped',
      ),
      replace(
        `packages/core/src/data-keys.ts`,
        'this.#openKeys[scope.version].get(openKeyId(scope, wrappedKey))\n      if (entry === undefined) continue',
        'this.#openKeys[2].get(openKeyId(scope, wrappedKey))\n      if (entry === undefined) continue',
      ),
    ],
    testFile: `${tests}/cache-confusion.test.ts`,
    test: 'a data key of version 2 opens nothing of version 1, although its wrapping is the same',
  },
  {
    attack: 12,
    defence: 'a text value of version 1 is refused after its date',
    patch: [remove(`${src}/text.ts`, '    assertAccepted(options)\n')],
    testFile: `${tests}/version1-text.test.ts`,
    test: 'acceptUntil is the last instant, by the clock that is given',
  },
  {
    attack: 15,
    defence: 'a value of version 1 opens whole or not at all',
    patch: [remove(`${src}/cipher.ts`, '    decipher.final()\n')],
    testFile: `${tests}/version1-item.test.ts`,
    test: 'an item does not open under another key, nor with any one bit changed',
  },
  {
    attack: 18,
    defence: 'scrypt does not run for what is refused anyway',
    patch: [
      replace(
        `${src}/text.ts`,
        '    const secret = secretOf(options)\n    const { salt, sealed } = parse(text)',
        '    const secret = secretOf(options)\n    await deriveKey(secret, new Uint8Array(16))\n    const { salt, sealed } = parse(text)',
      ),
    ],
    testFile: `${tests}/version1-text.test.ts`,
    test: 'scrypt does not run for what is refused anyway',
  },
  {
    attack: 18,
    defence: 'scrypt runs one at a time for all callers',
    patch: [
      replace(
        `${src}/secret.ts`,
        'const key = queue.then(() => runScrypt(secret, salt))',
        'const key = runScrypt(secret, salt)',
      ),
    ],
    testFile: `${tests}/version1-text.test.ts`,
    test: 'scrypt runs one at a time, for all callers',
  },
  {
    attack: 18,
    defence: 'scrypt of version 1 runs in the thread pool',
    patch: [
      replace(
        `${src}/secret.ts`,
        'const bytes = await scryptBytes(secretBytes, salt, KEY_BYTES, COST)',
        'const bytes = scryptSync(secretBytes, salt, KEY_BYTES, COST)',
      ),
      replace(`${src}/secret.ts`, 'randomBytes, scrypt } from', 'randomBytes, scrypt, scryptSync } from'),
    ],
    testFile: `${tests}/scrypt-in-background.test.ts`,
    test: 'the event loop turns while scrypt runs for a stored value of version 1',
  },
  {
    attack: 12,
    defence: 'version 1 is off unless asked for',
    patch: [
      replace(
        `${session}/version1-options.ts`,
        '{ version1, envelope }: Version1Settings,\n  clock',
        '{ version1 = { write: true }, envelope }: Version1Settings,\n  clock',
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' is off unless asked for: one plain read, and no session",
  },
  {
    attack: 12,
    defence: 'an item of version 1 is refused after its date',
    patch: [replace(`${session}/version1-options.ts`, 'return this.#clock.now() < this.#acceptUntil', 'return true')],
    testFile: readingTests,
    test: "version 1 on 'dynalite' after the date every one is refused and counted, in listings too; sign-out and clear still reach it",
  },
  {
    attack: 12,
    defence: 'a row of version 2 wins over an item planted beside it',
    patch: [
      replace(
        `${session}/version1-reader.ts`,
        'if (both?.row === undefined) return',
        'if (both?.item !== undefined || both?.row === undefined) return',
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' an expired or unreadable row of version 2 still stands in the way of an item",
  },
  {
    attack: 12,
    defence: 'a row that calls itself version 1 is none',
    patch: [
      replace(
        `${dynamodb}/version1-item.ts`,
        "item.version?.N === '1' && item.record === undefined",
        "item.version?.N === '1'",
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' version flipped: a row of version 2 that calls itself version 1 is neither",
  },
  {
    attack: 12,
    defence: 'what stands under the session id itself is of version 1',
    patch: [
      replace(
        `${dynamodb}/version1-item.ts`,
        "return item.version?.N === '1' && item.record === undefined",
        'return true',
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' a stolen partition key is no session id, whatever is asked with it",
  },
  {
    attack: 12,
    defence: 'a stolen partition key signs nobody out',
    patch: [
      replace(
        `${dynamodb}/version1-table.ts`,
        'ConditionExpression: authTag === undefined ? isVersion1 :',
        "ConditionExpression: authTag === undefined ? '#version >= :one OR attribute_exists(#record)' :",
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' a stolen partition key is no session id, whatever is asked with it",
  },
  {
    attack: 12,
    defence: 'no item is written over a row',
    patch: [
      replace(
        `${dynamodb}/version1-table.ts`,
        "ConditionExpression: 'attribute_not_exists(#record)'",
        "ConditionExpression: 'attribute_not_exists(#record) OR attribute_exists(#record)'",
      ),
    ],
    testFile: readingTests,
    test: "version 1 on 'dynalite' a stolen partition key is no session id, whatever is asked with it",
  },
  {
    attack: 12,
    defence: 'a key of another kind is never read as an item',
    patch: [replace(`${session}/version1-session.ts`, "return !id.startsWith('#') && ", 'return ')],
    testFile: readingTests,
    test: "version 1 on 'dynalite' ids that could never be a partition key of older code are asked for in version 2 alone",
  },
  {
    attack: 23,
    defence: 'an upgrade inserts the row before it removes the item',
    patch: [
      replace(
        `${session}/version1-writer.ts`,
        '    const outcome = await this.#insertRow(',
        '    await this.#items.remove(write.id, undefined, signal)\n    const outcome = await this.#insertRow(',
      ),
    ],
    testFile: upgradeTests,
    test: "an upgrade on 'dynalite' the database fails at insert: the session stays, and is upgraded in the end",
  },
  {
    attack: 23,
    defence: 'a crash between both steps leaves no item for ever',
    patch: [
      replace(
        `${session}/version1-reader.ts`,
        'const isLeftOver = both.item !== undefined &&',
        'const isLeftOver = both.item === null &&',
      ),
    ],
    testFile: upgradeTests,
    test: "an upgrade on 'dynalite' a process ends between both steps: the row wins, and a later read removes the item",
  },
  {
    attack: 23,
    defence: 'an upgrade that is under way elsewhere is left its item',
    patch: [replace(`${session}/version1-reader.ts`, 'const UPGRADE_IS_OVER = 900_000', 'const UPGRADE_IS_OVER = -1')],
    testFile: upgradeTests,
    test: "an upgrade on 'dynalite' a process ends between both steps: the row wins, and a later read removes the item",
  },
  {
    attack: 23,
    defence: 'an upgrade that meets a sign-out takes its row away again',
    patch: [
      remove(
        `${session}/version1-writer.ts`,
        "if (removal === 'absent') await this.table.delete(write.key, ownSignal)",
      ),
    ],
    testFile: signOutTests,
    test: "a sign-out on 'dynalite' a sign-out before the item is gone (version1.remove, by older code) is final",
  },
  {
    attack: 23,
    defence: 'a sign-out takes the item before the row',
    patch: [
      remove(
        `${session}/version1-writer.ts`,
        '    if (isItemKey(id)) await this.#items.remove(id, undefined, signal)\n',
      ),
      replace(
        `${session}/version1-writer.ts`,
        '    await super.destroy(key, id, signal)\n',
        '    await super.destroy(key, id, signal)\n    if (isItemKey(id)) await this.#items.remove(id, undefined, signal)\n',
      ),
    ],
    testFile: signOutTests,
    test: "a sign-out on 'dynalite' a sign-out takes the item before the row, so that no reader can upgrade in between",
  },
  {
    attack: 23,
    defence: 'a save by older code between read and upgrade is not taken back',
    patch: [
      replace(
        `${session}/version1-writer.ts`,
        "return removal === 'removed' || removal === 'unknown'",
        "return removal !== 'absent'",
      ),
    ],
    testFile: upgradeTests,
    test: "an upgrade on 'dynalite' a save by older code between read and upgrade is not taken back",
  },
  {
    attack: 25,
    defence: 'an answer that was lost is no sign-out by older code',
    patch: [
      replace(
        `${dynamodb}/version1-table.ts`,
        "return (error.$metadata.attempts ?? 1) > 1 ? 'unknown' : 'absent'",
        "return 'absent'",
      ),
    ],
    testFile: upgradeTests,
    test: "an upgrade on 'dynalite' an answer that is lost on the way is no sign-out",
  },
  {
    attack: 23,
    defence: 'a row goes with its sign-out although another request has written to it',
    patch: [
      replace(
        `${session}/version1-writer.ts`,
        "if (removal === 'absent') await this.table.delete(write.key, ownSignal)",
        "if (removal === 'absent') await this.#items.removeRow(row.stored, ownSignal)",
      ),
    ],
    testFile: finalityTests,
    test: "sessions of version 1 on 'dynalite' stays signed out although another request has written to the row that is about to go",
  },
  {
    attack: 23,
    defence: 'a removal that the SDK repeats hides no sign-out',
    patch: [remove(`${session}/version1-writer.ts`, "if (!(await this.#isThere(target, signal))) return 'absent'")],
    testFile: finalityTests,
    test: "sessions of version 1 on 'dynalite' stays signed out when the SDK has to repeat the removal of its item",
  },
  {
    attack: 23,
    defence: 'a row whose answer was lost goes with its sign-out',
    patch: [remove(`${session}/version1-writer.ts`, 'await deadlines.run(takeBack).catch(() => {})')],
    testFile: finalityTests,
    test: "sessions of version 1 on 'dynalite' stays signed out when the answer to its insert is lost",
  },
  {
    attack: 23,
    defence: 'an upgrade goes by the expiry of the item, and not by an old date in its cookie',
    patch: [
      remove(
        `${session}/version1-reader.ts`,
        'if (cookie && isPersistent(cookie)) cookie.expires = new Date(expiresAt).toISOString()',
      ),
    ],
    testFile: finalityTests,
    test: "sessions of version 1 on 'dynalite' whose cookie has an old date lives on after set, as it is",
  },
]
