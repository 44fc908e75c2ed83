import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const payloadTests = `${tests}/payload.test.ts`
const recordTests = `${tests}/record.test.ts`
const envelopeTests = `${tests}/envelope.test.ts`
const hostileTests = `${tests}/hostile-records.test.ts`
const wipedTests = `${tests}/wiped-buffers.test.ts`

/** For what changes the format itself: the frozen record of the self-test would stop every envelope. */
const selfTest = remove(`${src}/envelope.ts`, '  selfTest()\n')

/** Records: what they are bound to, what their chunks are worth, and how their bytes are read. */
export const records: readonly Defence[] = [
  {
    attack: 1,
    defence: 'a record is bound to its record context',
    patch: [
      selfTest,
      replace(
        `${src}/record.ts`,
        'binding.set(context, BOUND_HEADER_BYTES + 4)',
        'binding.fill(0, BOUND_HEADER_BYTES)',
      ),
    ],
    testFile: envelopeTests,
    test: 'contexts open only where they were sealed: every pairwise swap fails',
  },
  {
    attack: 2,
    defence: 'the commitment to one key is checked',
    patch: [
      remove(
        `${src}/payload.ts`,
        'if (!timingSafeEqual(commitment, payload.subarray(SALT_BYTES, PAYLOAD_PREFIX_BYTES))) throw integrityError()',
      ),
    ],
    testFile: `${tests}/two-keys.test.ts`,
    test: 'a ciphertext that plain GCM opens under two keys opens for one recipient, and is refused before AES for the other',
  },
  {
    attack: 2,
    defence: 'the commitment is checked before any AES',
    patch: [
      remove(
        `${src}/payload.ts`,
        'if (!timingSafeEqual(commitment, payload.subarray(SALT_BYTES, PAYLOAD_PREFIX_BYTES))) throw integrityError()',
      ),
      replace(
        `${src}/payload.ts`,
        'if (length < CHUNK_BYTES) return openChunk(derived, 0, payload.subarray(PAYLOAD_PREFIX_BYTES))',
        `const only = openChunk(derived, 0, payload.subarray(PAYLOAD_PREFIX_BYTES))
    if (!timingSafeEqual(commitment, payload.subarray(SALT_BYTES, PAYLOAD_PREFIX_BYTES))) throw integrityError()
    if (length < CHUNK_BYTES) return only`,
      ),
    ],
    testFile: `${tests}/two-keys.test.ts`,
    test: 'a ciphertext that plain GCM opens under two keys opens for one recipient, and is refused before AES for the other',
  },
  {
    attack: 4,
    defence: 'a tag has 16 bytes',
    patch: [
      replace(`${src}/payload.ts`, 'const CIPHER_OPTIONS = { authTagLength: TAG_BYTES }', 'const CIPHER_OPTIONS = {}'),
      replace(`${src}/payload.ts`, 'ciphertextLength < TAG_BYTES || lastLength < TAG_BYTES', 'ciphertextLength < 0'),
      replace(
        `${src}/payload.ts`,
        'return fullChunks * CHUNK_BYTES + lastLength - TAG_BYTES',
        'return fullChunks * CHUNK_BYTES + Math.max(0, lastLength - TAG_BYTES)',
      ),
    ],
    testFile: `${tests}/short-tags.test.ts`,
    test: 'the last tag of 0 bytes of plaintext cut or stretched to 4 bytes is refused',
  },
  {
    attack: 5,
    defence: 'the last chunk is short, so that no border of chunks can pass for the end',
    patch: [
      replace(
        `${src}/payload.ts`,
        'ciphertextLength < TAG_BYTES || lastLength < TAG_BYTES',
        'ciphertextLength < TAG_BYTES',
      ),
      replace(`${src}/payload.ts`, 'start <= length; chunk++', 'position < payload.length; chunk++'),
      replace(
        `${src}/payload.ts`,
        'return fullChunks * CHUNK_BYTES + lastLength - TAG_BYTES',
        'return fullChunks * CHUNK_BYTES + Math.max(0, lastLength - TAG_BYTES)',
      ),
    ],
    testFile: payloadTests,
    test: 'Cobblestone-256 refuses truncation at every byte and at every chunk border',
  },
  {
    attack: 5,
    defence: 'the number of a chunk is in its nonce',
    patch: [replace(`${src}/payload.ts`, 'if (chunk === 0) return baseNonce', 'if (chunk >= 0) return baseNonce')],
    testFile: payloadTests,
    test: 'Cobblestone-256 refuses chunks that are reordered, repeated, dropped or taken from another payload',
  },
  {
    attack: 5,
    defence: 'no plaintext is released before its chunk verifies',
    patch: [remove(`${src}/payload.ts`, '    bytes.fill(0)\n    throw integrityError()')],
    testFile: payloadTests,
    test: 'Cobblestone-256 refuses every one-byte change',
  },
  {
    attack: 5,
    defence: 'plaintext that did not verify is overwritten',
    patch: [
      replace(`${src}/payload.ts`, '    bytes.fill(0)\n    throw integrityError()', '    throw integrityError()'),
    ],
    testFile: wipedTests,
    test: 'plaintext of a payload that does not verify is overwritten: its only chunk',
  },
  {
    attack: 5,
    defence: 'the chunks before one that did not verify are overwritten',
    patch: [replace(`${src}/payload.ts`, '      bytes.fill(0)\n      position', '      position')],
    testFile: wipedTests,
    test: 'plaintext of a payload that does not verify is overwritten: the last of three chunks',
  },
  {
    attack: 6,
    defence: 'every record has a salt of its own',
    patch: [
      replace(
        `${src}/seal-record.ts`,
        'salt: Uint8Array = randomBytes(SALT_BYTES)',
        'salt: Uint8Array = pool[++turn % pool.length] as Uint8Array',
      ),
      replace(
        `${src}/seal-record.ts`,
        '/** @throws WaxsealError `ERR_WAXSEAL_INTEGRITY` */',
        'const pool = Array.from({ length: 10_000 }, () => randomBytes(SALT_BYTES))\nlet turn = 0',
      ),
    ],
    testFile: `${tests}/salts.test.ts`,
    test: 'a million records under one data key have a million salts',
  },
  {
    attack: 6,
    defence: 'no process and no thread can repeat the salts of another',
    patch: [
      replace(
        `${src}/seal-record.ts`,
        'salt: Uint8Array = randomBytes(SALT_BYTES)',
        'salt: Uint8Array = Buffer.from(String(++turn).padStart(SALT_BYTES))',
      ),
      replace(`${src}/seal-record.ts`, '/** @throws WaxsealError `ERR_WAXSEAL_INTEGRITY` */', 'let turn = 0'),
    ],
    testFile: `${tests}/salts.test.ts`,
    test: 'two processes of two threads each share no salt under one key, and none repeats one',
  },
  {
    attack: 12,
    defence: 'another version of the record is refused',
    patch: [replace(`${src}/record.ts`, 'if (bytes[1] !== VERSION)', 'if (bytes[1] === 0)')],
    testFile: recordTests,
    test: 'the parser refuses byte 1 = 1 with ERR_WAXSEAL_UNSUPPORTED_VERSION',
  },
  {
    attack: 12,
    defence: 'another suite is refused',
    patch: [replace(`${src}/record.ts`, 'if (bytes[2] !== SUITE_COBBLESTONE_256)', 'if (bytes[2] === 255)')],
    testFile: recordTests,
    test: 'the parser refuses byte 2 = 2 with ERR_WAXSEAL_UNSUPPORTED_SUITE',
  },
  {
    attack: 12,
    defence: 'unknown flags are refused',
    patch: [remove(`${src}/record.ts`, "if (bytes[3] !== 0) throw malformed('it has unknown flags')")],
    testFile: recordTests,
    test: 'the parser refuses byte 3 = 1 with ERR_WAXSEAL_RECORD_MALFORMED',
  },
  {
    attack: 12,
    defence: 'text of version 1 is no record',
    patch: [
      replace(
        `${src}/record.ts`,
        "throw isBase64Unit(bytes[0]) ? legacy() : malformed('it does not begin with the magic byte')",
        '{}',
      ),
    ],
    testFile: recordTests,
    test: 'the parser refuses byte 0 = 65 with ERR_WAXSEAL_LEGACY_REFUSED',
  },
  {
    attack: 14,
    defence: 'a record has at most 8 wrapped keys',
    patch: [replace(`${src}/record.ts`, 'const MAX_WRAPPED_KEYS = 8', 'const MAX_WRAPPED_KEYS = 255')],
    testFile: hostileTests,
    test: 'a wrapped-key bomb is refused before the keyring is asked 255 wrapped keys',
  },
  {
    attack: 14,
    defence: 'a wrapped key has at most 1 KiB',
    patch: [replace(`${src}/record.ts`, 'const MAX_WRAPPED_BYTES = 1024', 'const MAX_WRAPPED_BYTES = 65_535')],
    testFile: hostileTests,
    test: 'a wrapped-key bomb is refused before the keyring is asked wrapped keys of 64 KiB',
  },
  {
    attack: 14,
    defence: 'a kid has at most 64 bytes',
    patch: [replace(`${src}/record.ts`, 'const MAX_KID_BYTES = 64', 'const MAX_KID_BYTES = 255')],
    testFile: hostileTests,
    test: 'a wrapped-key bomb is refused before the keyring is asked a kid of 255 bytes',
  },
  {
    attack: 14,
    defence: 'no key stands in a record twice',
    patch: [
      replace(
        `${src}/record.ts`,
        'keyringId === key.keyringId && kid === key.kid',
        'keyringId === -1 && kid === key.kid',
      ),
    ],
    testFile: hostileTests,
    test: 'a wrapped-key bomb is refused before the keyring is asked the same key twice',
  },
  {
    attack: 14,
    defence: 'a wrapped key is of a known keyring',
    patch: [replace(`${src}/record.ts`, "return 'a wrapped key belongs to an unknown keyring'", 'return undefined')],
    testFile: hostileTests,
    test: 'a wrapped-key bomb is refused before the keyring is asked keyring 4',
  },
  {
    attack: 15,
    defence: 'the header is bound into the payload',
    patch: [selfTest, replace(`${src}/record.ts`, 'binding[i] = record[i] as number', 'binding[i] = 0')],
    testFile: hostileTests,
    test: 'a record is refused when any byte has any other value',
  },
  {
    attack: 15,
    defence: 'a header that ends early is a typed error',
    patch: [
      remove(`${src}/record.ts`, "if (bytes.length < FIRST_KEY_OFFSET) throw malformed('it ends within its header')"),
    ],
    testFile: recordTests,
    test: 'the parser refuses a header that ends anywhere, with a typed error',
  },
  {
    attack: 15,
    defence: 'an impossible length is a typed error',
    patch: [
      remove(
        `${src}/record.ts`,
        "if (openedLength(payload.length) === undefined) throw malformed('no plaintext has a ciphertext of that length')",
      ),
    ],
    testFile: recordTests,
    test: 'the parser refuses lengths that no plaintext has',
  },
  {
    attack: 15,
    defence: 'GCM vouches for every byte of the ciphertext',
    patch: [replace(`${src}/payload.ts`, '    decipher.final()\n', '')],
    testFile: hostileTests,
    test: 'a record is refused when any byte has any other value',
  },
  {
    attack: 15,
    defence: 'sealed JSON becomes plain data',
    patch: [replace(`${src}/plaintext.ts`, 'return JSON.parse(text)', 'return Object.assign({}, JSON.parse(text))')],
    testFile: hostileTests,
    test: 'what another writer sealed as JSON changes no prototype, however often it says __proto__',
  },
  {
    attack: 15,
    defence: 'what is no JSON is a typed error',
    patch: [replace(`${src}/plaintext.ts`, "throw malformed('its JSON does not parse')", 'return undefined')],
    testFile: hostileTests,
    test: 'what another writer sealed as JSON opens however deep it is, and is malformed when it is none',
  },
  {
    attack: 15,
    defence: 'a text is UTF-8',
    patch: [remove(`${src}/plaintext.ts`, "if (!isUtf8(bytes)) throw malformed('its text is not UTF-8')")],
    testFile: hostileTests,
    test: 'what another writer sealed as text is malformed when it is no UTF-8: a stray continuation byte',
  },
]
