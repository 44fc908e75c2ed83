import { type Defence, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const dataKeysTests = `${tests}/data-keys.test.ts`

/** How old data keys get, who shares them, and which one is taken for which. */
export const dataKeys: readonly Defence[] = [
  {
    attack: 7,
    defence: 'a data key seals nothing at its limit',
    patch: [replace(`${src}/data-keys.ts`, 'now >= entry.endsAt || !entry', 'now > entry.endsAt || !entry')],
    testFile: dataKeysTests,
    test: 'the age of a data key rotates at the limit exactly, one call for all who cross it together',
  },
  {
    attack: 7,
    defence: 'all who cross the limit together get the same new key',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'return once(this.#generations, scope.id, () => this.#generate(scope, type))',
        'return this.#generate(scope, type)',
      ),
    ],
    testFile: dataKeysTests,
    test: 'the age of a data key rotates at the limit exactly, one call for all who cross it together',
  },
  {
    attack: 8,
    defence: 'cold seals share one call',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'return once(this.#generations, scope.id, () => this.#generate(scope, type))',
        'return this.#generate(scope, type)',
      ),
    ],
    testFile: dataKeysTests,
    test: 'a stampede of 1,000 cold seals costs one call',
  },
  {
    attack: 8,
    defence: 'cold opens share one call',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'return once(this.#openFlights, id, () => this.#confirmOrUnwrap(id, scope, wrappedKeys))',
        'return this.#confirmOrUnwrap(id, scope, wrappedKeys)',
      ),
    ],
    testFile: dataKeysTests,
    test: 'a stampede of 1,000 cold opens of one record costs one call',
  },
  {
    attack: 8,
    defence: 'a call that failed is not kept',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'const flight = start().finally(() => flights.delete(id))',
        'const flight = start()',
      ),
    ],
    testFile: dataKeysTests,
    test: 'a failed call reaches everyone who waits, and the next one asks anew',
  },
  {
    attack: 9,
    defence: 'a data key is found by its wrapping, whatever the record',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        "return hash('sha256', Buffer.concat([scope",
        "return Math.random() + hash('sha256', Buffer.concat([scope",
      ),
    ],
    testFile: dataKeysTests,
    test: 'a stampede over 10,000 record contexts costs one call in a process that only opens',
  },
  {
    attack: 11,
    defence: 'the encryption context is in the name of a key that opens',
    patch: [replace(`${src}/data-keys.ts`, 'Buffer.concat([scope.digest, Uint8Array', 'Buffer.concat([Uint8Array')],
    testFile: `${tests}/envelope.test.ts`,
    test: 'contexts never share a cached key between encryption contexts',
  },
  {
    attack: 11,
    defence: 'the encryption context is in the name of a key that seals',
    patch: [replace(`${src}/scope.ts`, "id: digest.toString('base64')", 'id: String(version)')],
    testFile: `${tests}/cache-confusion.test.ts`,
    test: 'what tenants seal in turns, sharing one cache, opens for each of them in another process',
  },
]
