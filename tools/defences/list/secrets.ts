import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const wipedTests = `${tests}/wiped-buffers.test.ts`
const dataKeysTests = `${tests}/data-keys.test.ts`
const exactTests = `${tests}/aws-kms-exact-calls.test.ts`
const errorTests = `${tests}/errors.test.ts`
const shown = 'no error and no object of ours shows key, plaintext or context'

/** What errors, events and memory keep to themselves. */
export const secrets: readonly Defence[] = [
  {
    attack: 20,
    defence: "JSON's error, which quotes the plaintext, is no cause",
    patch: [
      replace(
        `${src}/plaintext.ts`,
        "  } catch {\n    // The SyntaxError quotes the plaintext: it is not passed on.\n    throw malformed('its JSON does not parse')",
        "  } catch (cause) {\n    throw Object.assign(malformed('its JSON does not parse'), { cause })",
      ),
    ],
    testFile: errorTests,
    test: shown,
  },
  {
    attack: 20,
    defence: 'the error of a value that JSON cannot express is not quoted',
    patch: [
      replace(
        `${src}/plaintext.ts`,
        '  } catch {\n    // The error beneath',
        '  } catch (cause) {\n    // The error beneath',
      ),
      replace(
        `${src}/plaintext.ts`,
        "throw misuse('JSON cannot express the value: it is cyclic, holds a BigInt, or its toJSON failed')",
        'throw misuse(String(cause))',
      ),
    ],
    testFile: `${tests}/envelope.test.ts`,
    test: 'JSON that cannot be is refused before any call of the keyring, and quotes nothing: a toJSON that throws',
  },
  {
    attack: 20,
    defence: 'no event shows an encryption context or a record context',
    patch: [
      replace(
        `${src}/diagnostics.ts`,
        "return createHash('sha256').update(bytes).digest('base64url').slice(0, 16)",
        "return Buffer.from(bytes).toString('latin1')",
      ),
    ],
    testFile: `${tests}/diagnostics.test.ts`,
    test: 'the channels tell of every seal, open and keyring call',
  },
  {
    attack: 20,
    defence: 'no message quotes WAXSEAL_KEYS',
    patch: [
      replace(
        `${src}/local-keyring.ts`,
        'throw configError(`entry ${position} is not of the form id:base64url`)',
        'throw configError(`entry ${position} is not of the form id:base64url: ${entry}`)',
      ),
    ],
    testFile: `${tests}/local-keyring.test.ts`,
    test: 'WAXSEAL_KEYS refuses no id with a message that names variable and position, never the key',
  },
  {
    attack: 20,
    defence: 'a KMS error is passed on without its raw exchange',
    patch: [
      replace(
        `${src}/aws-kms/errors.ts`,
        "if (!(error instanceof Error && '$response' in error)) return error",
        'return error',
      ),
    ],
    testFile: `${tests}/aws-kms-errors.test.ts`,
    test: 'no error shows credentials, a data key or the raw exchange',
  },
  {
    attack: 20,
    defence: 'a DynamoDB error is passed on without its raw exchange',
    patch: [
      replace(
        'packages/dynamodb/src/errors.ts',
        "if (!(error instanceof Error && '$response' in error)) return error",
        'return error',
      ),
    ],
    testFile: 'packages/dynamodb/test/faults.test.ts',
    test: `faults of dynalite cut: ERR_WAXSEAL_STORE_UNAVAILABLE, never "no session"`,
  },
  {
    attack: 20,
    defence: 'a signature error, which quotes the session token, is no cause',
    patch: [
      replace(
        'packages/dynamodb/src/errors.ts',
        "return new WaxsealError('ERR_WAXSEAL_CONFIG', `AWS does not accept the credentials (${name}): ${remedy}`)",
        "return fail('ERR_WAXSEAL_CONFIG', `AWS does not accept the credentials (${name}): ${remedy}`)",
      ),
    ],
    testFile: 'packages/dynamodb/test/sdk-errors.test.ts',
    test: 'a signature error shows no session token',
  },
  {
    attack: 20,
    defence: 'no event shows a session id',
    patch: [
      replace(
        'packages/session/src/session-operations.ts',
        "this.#report('failed', operation, undefined, codeIn(error))\n      throw error",
        "this.#report('failed', operation, sessionId, codeIn(error))\n      throw error",
      ),
    ],
    testFile: 'packages/session/test/session-store.property.test.ts',
    test: 'secrets no error, event or inspection of the store shows an id or what a session holds',
  },
  {
    attack: 20,
    defence: "no error of a session's JSON is passed on",
    patch: [
      replace(
        'packages/session/src/session-content.ts',
        "  } catch {\n    // JSON's own message",
        "  } catch (error) {\n    if (error instanceof TypeError) throw new WaxsealTypeError('ERR_WAXSEAL_SESSION_INVALID', error.message)\n    // JSON's own message",
      ),
    ],
    testFile: 'packages/session/test/session-store.property.test.ts',
    test: 'secrets no error, event or inspection of the store shows an id or what a session holds',
  },
  {
    attack: 20,
    defence: 'the buffer of a data key is overwritten when the key is taken',
    patch: [replace(`${src}/data-keys.ts`, '    own.fill(0)\n    bytes.fill(0)\n', '    own.fill(0)\n')],
    testFile: dataKeysTests,
    test: 'plaintext data keys are overwritten as soon as they are taken',
  },
  {
    attack: 20,
    defence: "the SDK's own buffer of a data key is overwritten",
    patch: [
      remove(`${src}/aws-kms/kms-connection.ts`, '  key.set(plaintext)\n  plaintext.fill(0)'),
      replace(`${src}/aws-kms/kms-connection.ts`, '  return key\n', '  key.set(plaintext)\n  return key\n'),
    ],
    testFile: exactTests,
    test: 'plaintext keys in buffers of the SDK are zeros after either call',
  },
  {
    attack: 20,
    defence: 'a data key that came with a wrong answer is overwritten',
    patch: [
      replace(
        `${src}/aws-kms/kms-key.ts`,
        'wrappedKey: await this.asWrappedKey(wrapped) }\n    } catch (error) {\n      plaintextKey.fill(0)',
        'wrappedKey: await this.asWrappedKey(wrapped) }\n    } catch (error) {',
      ),
    ],
    testFile: exactTests,
    test: 'plaintext keys in buffers are zeros when Decrypt names another key',
  },
  {
    attack: 20,
    defence: 'the data key that a probe is answered with is overwritten',
    patch: [
      replace(
        `${src}/keyring-calls.ts`,
        '      plaintextKey.fill(0)\n    })\n    this.#counters.probes++',
        '      plaintextKey.fill(1)\n    })\n    this.#counters.probes++',
      ),
    ],
    testFile: `${tests}/revocation.test.ts`,
    test: 'one question to the key service overwrites the plaintext key that it was answered with',
  },
  {
    attack: 20,
    defence: 'the data key that is wrapped anew is overwritten',
    patch: [
      replace(
        `${src}/keyring-calls.ts`,
        '      } finally {\n        plaintextKey.fill(0)\n      }\n    })\n    this.#counters.dataKeysRewrapped++',
        '      } finally {\n      }\n    })\n    this.#counters.dataKeysRewrapped++',
      ),
    ],
    testFile: `${tests}/rewrap.test.ts`,
    test: 'rewrap overwrites the data key in between',
  },
  {
    attack: 20,
    defence: 'derived keys are overwritten after sealing',
    patch: [
      replace(
        `${src}/payload.ts`,
        '    position += ciphertext.length + TAG_BYTES\n  }\n  derived.first.fill(0)',
        '    position += ciphertext.length + TAG_BYTES\n  }',
      ),
    ],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no derived key, whether a record opens or not',
  },
  {
    attack: 20,
    defence: 'derived keys are overwritten after opening, also in vain',
    patch: [replace(`${src}/payload.ts`, '  } finally {\n    derived.first.fill(0)', '  } finally {')],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no derived key, whether a record opens or not',
  },
  {
    attack: 20,
    defence: 'copies of plaintext are overwritten after sealing',
    patch: [remove(`${src}/envelope.ts`, 'if (plaintext?.owned) plaintext.bytes.fill(0)')],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no copy of a text or a JSON value that was sealed',
  },
  {
    attack: 20,
    defence: 'copies of plaintext that a sealer made are overwritten',
    patch: [remove(`${src}/sealer.ts`, 'if (plaintext?.owned) plaintext.bytes.fill(0)')],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no copy of a text or a JSON value that was sealed',
  },
  {
    attack: 20,
    defence: 'our own copy of a data key is overwritten',
    patch: [remove(`${src}/data-keys.ts`, '    own.fill(0)\n')],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no buffer that a key was made of, root keys and data keys alike',
  },
  {
    attack: 20,
    defence: 'the buffer of a root key is overwritten',
    patch: [replace(`${src}/local-keyring.ts`, '  } finally {\n    bytes.fill(0)\n', '  } finally {\n')],
    testFile: wipedTests,
    test: 'what an envelope leaves behind is no buffer that a key was made of, root keys and data keys alike',
  },
  {
    attack: 20,
    defence: "our own copy of a data key lies outside V8's heap",
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'new Uint8Array(new ArrayBuffer(DATA_KEY_BYTES))',
        'new Uint8Array(DATA_KEY_BYTES)',
      ),
    ],
    testFile: `${tests}/memory-scan.linux.test.ts`,
    test: 'data keys that are revoked are found nowhere in memory, and those held are',
  },
  {
    attack: 20,
    defence: 'data keys that were purged are nowhere in memory',
    patch: [
      remove(
        `${src}/data-keys.ts`,
        'for (const version of [1, 2] as const) this.#openKeys[version].deleteWhere((entry) => entry.standing === standing)',
      ),
    ],
    testFile: `${tests}/memory-scan.linux.test.ts`,
    test: 'data keys that are revoked are found nowhere in memory, and those held are',
  },
  {
    attack: 20,
    defence: 'a key that KMS answers with too late is overwritten',
    patch: [remove(`${src}/aws-kms/kms-connection.ts`, 'answer.then(wipe, () => {})')],
    testFile: `${tests}/aws-kms-strange-answers.test.ts`,
    test: 'a call of KMS that is answered too late leaves no key in what nobody takes',
  },
  {
    attack: 20,
    defence: 'an answer of KMS that does not parse is not quoted',
    patch: [
      remove(
        `${src}/aws-kms/errors.ts`,
        "if (error instanceof SyntaxError) return Object.assign(new Error('the answer is no JSON'), { name: error.name })",
      ),
    ],
    testFile: `${tests}/aws-kms-strange-answers.test.ts`,
    test: 'a call of KMS answered with broken JSON shows no part of it',
  },
  {
    attack: 20,
    defence: "the secret of version 1 does not stay in Node's shared pool",
    patch: [
      replace(`${src}/version1/secret.ts`, 'new TextEncoder().encode(secret)', "Buffer.from(secret, 'utf8')"),
      remove(`${src}/version1/secret.ts`, '    secretBytes.fill(0)\n'),
    ],
    testFile: `${tests}/shared-pool.test.ts`,
    test: 'the pool of Buffer holds no secret of version 1',
  },
]
