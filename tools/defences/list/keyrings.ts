import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const passphraseTests = `${tests}/passphrase-keyring.test.ts`
const localTests = `${tests}/local-keyring.test.ts`
const kmsTests = `${tests}/aws-kms.test.ts`
const kmsErrorTests = `${tests}/aws-kms-errors.test.ts`

/** Keyrings: what a wrapped data key is bound to, and whose word counts. */
export const keyrings: readonly Defence[] = [
  {
    attack: 1,
    defence: 'a data key of a local keyring is bound to its encryption context',
    patch: [
      replace(
        `${src}/local-keyring.ts`,
        'name, encodeContext(encryptionContext)])',
        "name, encodeContext({ app: 'any' })])",
      ),
    ],
    testFile: localTests,
    test: 'a wrapped data key is bound to its encryption context',
  },
  {
    attack: 1,
    defence: 'a data key of AWS KMS is bound to its encryption context',
    patch: [
      replace(`${src}/aws-kms/kms-connection.ts`, "KeySpec: 'AES_256', EncryptionContext }", "KeySpec: 'AES_256' }"),
      replace(
        `${src}/aws-kms/kms-connection.ts`,
        'KeyId: name.text, CiphertextBlob, EncryptionContext }',
        'KeyId: name.text, CiphertextBlob }',
      ),
    ],
    testFile: kmsTests,
    test: 'an envelope over AWS KMS binds the data key to the encryption context',
  },
  {
    attack: 1,
    defence: 'a data key is bound to the name of the passphrase that wraps it',
    patch: [
      replace(
        `${src}/passphrase-keyring.ts`,
        "const name = Buffer.from(kid, 'latin1')",
        'const name = Buffer.alloc(0)',
      ),
    ],
    testFile: passphraseTests,
    test: 'a data key under a passphrase is bound to encryption context and kid',
  },
  {
    attack: 3,
    defence: 'a wrong passphrase is told before any AES, as altered bytes are',
    patch: [
      remove(
        `${src}/payload.ts`,
        'if (!timingSafeEqual(commitment, payload.subarray(SALT_BYTES, PAYLOAD_PREFIX_BYTES))) throw integrityError()',
      ),
    ],
    testFile: passphraseTests,
    test: 'a data key under a passphrase does not help to guess: wrong passphrase and altered bytes are one error, before any AES',
  },
  {
    attack: 13,
    defence: 'an answer of KMS for another key is refused',
    patch: [
      remove(
        `${src}/aws-kms/kms-key.ts`,
        "if (!(await this.isNamedBy(arn))) throw toIntegrityError('AWS KMS answered for another key than the one asked')",
      ),
    ],
    testFile: kmsErrorTests,
    test: "one record's fault is INTEGRITY, one flat error an answer that names another key is refused",
  },
  {
    attack: 13,
    defence: 'Decrypt names a key of the configuration',
    patch: [
      replace(
        `${src}/aws-kms/kms-connection.ts`,
        'KeyId: name.text, CiphertextBlob, EncryptionContext }',
        'CiphertextBlob, EncryptionContext }',
      ),
    ],
    testFile: `${tests}/aws-kms-exact-calls.test.ts`,
    test: 'calls unwrapping: Decrypt under the configured KeyId with the encryption context',
  },
  {
    attack: 13,
    defence: 'Decrypt names a key of the configuration for version 1, too',
    patch: [
      replace(
        `${src}/aws-kms/kms-connection.ts`,
        'KeyId: name.text, CiphertextBlob, EncryptionContext }',
        'CiphertextBlob, EncryptionContext }',
      ),
    ],
    testFile: `${tests}/version1-kms.test.ts`,
    test: "against a KMS the attacker's own key is no key of ours, although KMS could find it by the ciphertext",
  },
  {
    attack: 13,
    defence: 'KMS is not asked about a key that is not configured',
    patch: [
      replace(
        `${src}/aws-kms/kms-key.ts`,
        "if (exact !== undefined || !this.#name.id.startsWith('mrk-')) return exact",
        'if (exact === undefined) return wrappedKeys[0]',
      ),
      remove(
        `${src}/aws-kms/kms-key.ts`,
        'if (!wrappedKeys.some((wrappedKey) => wrappedKey.kid.endsWith(`:${this.#name.id}`))) return undefined',
      ),
    ],
    testFile: kmsTests,
    test: 'the keys of the configuration a record under any other key is KEY_MISMATCH, and KMS is not asked',
  },
  {
    attack: 14,
    defence: 'a configured key is asked at most once for a record',
    patch: [
      replace(
        `${src}/aws-kms/aws-kms-keyring.ts`,
        'for (const key of [...keys].sort(',
        'for (const key of wrappedKeys.flatMap(() => keys).sort(',
      ),
    ],
    testFile: kmsTests,
    test: 'several Regions a record that lists a key eight times costs one call',
  },
  {
    attack: 18,
    defence: 'scrypt never runs for a cost or salt that a record names',
    patch: [
      replace(
        `${src}/passphrase-keyring.ts`,
        'if (Buffer.compare(wrapped.subarray(0, SCRYPT_PARAMETERS_BYTES), parameters) !== 0)',
        'if (Buffer.compare(parameters, parameters) !== 0)',
      ),
    ],
    testFile: passphraseTests,
    test: 'scrypt does not run for a record that names more memory',
  },
  {
    attack: 18,
    defence: 'a record with a cost out of bounds is no record',
    patch: [
      replace(
        `${src}/record.ts`,
        "return areWithinScryptLimits(key.wrapped) ? undefined : 'a wrapped key has scrypt parameters out of bounds'",
        'return undefined',
      ),
    ],
    testFile: `${tests}/record.test.ts`,
    test: 'the parser refuses a scrypt bomb, and the writer does not write it',
  },
  {
    attack: 18,
    defence: 'scrypt runs in the thread pool',
    patch: [
      replace(
        `${src}/passphrase-keyring.ts`,
        'const bytes = await scryptBytes(secret, salt, KEY_BYTES,',
        'const bytes = scryptSync(secret, salt, KEY_BYTES,',
      ),
      replace(
        `${src}/passphrase-keyring.ts`,
        'type ScryptOptions, scrypt }',
        'type ScryptOptions, scrypt, scryptSync }',
      ),
    ],
    testFile: `${tests}/scrypt-in-background.test.ts`,
    test: 'the event loop turns while scrypt runs for a passphrase',
  },
]
