import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const contextTests = 'packages/core/test/context.test.ts'
const textFormTests = 'packages/core/test/text-form.test.ts'

/** The text form of a record, and the canonical form of a context: one text, one meaning. */
export const encodings: readonly Defence[] = [
  {
    attack: 16,
    defence: 'the text form of a record is canonical base64url',
    patch: [
      remove(
        `${src}/text-form.ts`,
        "if (bytes.toString('base64url') !== encoded) throw malformed('its base64url is not canonical')",
      ),
    ],
    testFile: textFormTests,
    test: 'the text form refuses junk that Buffer.from skips',
  },
  {
    attack: 16,
    defence: 'a root key in WAXSEAL_KEYS is canonical base64url',
    patch: [
      remove(
        `${src}/local-keyring.ts`,
        "if (bytes.toString('base64url') !== encoded) throw configError(`entry ${position} is not canonical base64url`)",
      ),
    ],
    testFile: 'packages/core/test/local-keyring.test.ts',
    test: 'WAXSEAL_KEYS refuses padding with a message that names variable and position, never the key',
  },
  {
    attack: 16,
    defence: 'a field of version 1 is canonical base64',
    patch: [
      remove(
        `${src}/version1/base64.ts`,
        "if (bytes.toString('base64') !== text) throw malformed(`${name} is not canonical base64`)",
      ),
    ],
    testFile: 'packages/core/test/version1-item.test.ts',
    test: 'a field is refused encryptedData: base64 that is bent',
  },
  {
    attack: 17,
    defence: 'names are in the order of UTF-8',
    patch: [replace(`${src}/context.ts`, 'names.sort(compareUtf8)', 'names.sort()')],
    testFile: contextTests,
    test: 'the canonical map orders astral characters after U+FFFF, as UTF-8 does and UTF-16 does not',
  },
  {
    attack: 17,
    defence: 'a context is well-formed Unicode',
    patch: [
      remove(
        `${src}/context.ts`,
        "if (!text.isWellFormed()) throw misuse('a context holds ill-formed Unicode (a lone surrogate)')",
      ),
    ],
    testFile: contextTests,
    test: 'the canonical map refuses a lone surrogate in a value',
  },
  {
    attack: 17,
    defence: 'a text is well-formed Unicode',
    patch: [
      remove(
        `${src}/plaintext.ts`,
        "if (!plaintext.isWellFormed()) throw misuse('the text to seal is ill-formed Unicode (a lone surrogate)')",
      ),
    ],
    testFile: 'packages/core/test/envelope.test.ts',
    test: 'seal and open refuses to seal a lone surrogate',
  },
  {
    attack: 17,
    defence: 'names and values have lengths before them',
    patch: [
      replace(
        `${src}/context.ts`,
        'return encodeAscii(context, names) ?? encodeUnicode(context, names)',
        "return Buffer.from(names.map((name) => `${name}=${context[name]}`).join('&'))",
      ),
    ],
    testFile: contextTests,
    test: 'the canonical map keeps apart what joined strings would confuse',
  },
  {
    attack: 17,
    defence: 'an empty context is refused',
    patch: [
      remove(`${src}/context.ts`, "if (names.length === 0) throw misuse('a context must have at least one entry')"),
    ],
    testFile: contextTests,
    test: 'the canonical map refuses an empty map',
  },
  {
    attack: 17,
    defence: 'a missing value is refused, not written as "undefined"',
    patch: [
      remove(
        `${src}/context.ts`,
        "    if (typeof context[name] !== 'string') throw misuse('every value of a context must be a string')\n",
      ),
      replace(
        `${src}/context.ts`,
        'return encodeAscii(context, names) ?? encodeUnicode(context, names)',
        'const texts = Object.fromEntries(Object.entries(context).map(([name, value]) => [name, String(value)]))\n  return encodeUnicode(texts, names)',
      ),
    ],
    testFile: contextTests,
    test: 'the canonical map refuses undefined as value',
  },
]
