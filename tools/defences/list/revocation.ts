import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const revocationTests = `${tests}/revocation.test.ts`
const outageTests = `${tests}/outage.test.ts`

/** When the key service is asked, what its answers mean, and what planted records cost. */
export const revocation: readonly Defence[] = [
  {
    attack: 10,
    defence: 'the key service is asked again every revalidateSeconds',
    patch: [
      replace(
        `${src}/key-standing.ts`,
        'if (now >= this.#askedAt + this.#options.revalidateMs || !this.isGood(now)) return false',
        'if (!this.isGood(now)) return false',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more seals and opens nothing from revalidateSeconds on, in a process that was idle',
  },
  {
    attack: 10,
    defence: 'a denial purges what is sealed with',
    patch: [remove(`${src}/data-keys.ts`, 'this.#sealKeys.deleteWhere((entry) => entry.standing === standing)')],
    testFile: `${tests}/memory-scan.linux.test.ts`,
    test: 'data keys that are revoked are found nowhere in memory, and those held are',
  },
  {
    attack: 10,
    defence: 'a denial purges what is opened with',
    patch: [
      remove(
        `${src}/data-keys.ts`,
        'for (const version of [1, 2] as const) this.#openKeys[version].deleteWhere((entry) => entry.standing === standing)',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more ends sooner in a busy one, on both sides and for every data key, also those not asked about',
  },
  {
    attack: 10,
    defence: 'a denial of any call counts',
    patch: [
      remove(
        `${src}/data-keys.ts`,
        'if (isDenied && wrappedKeys.length === 1) this.#standings.find(scope, wrappedKeys[0] as WrappedKey)?.denied(askedAt)',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more is dropped at once when any call under it is denied',
  },
  {
    attack: 10,
    defence: 'a denial concerns one encryption context',
    patch: [
      replace(
        `${src}/key-standings.ts`,
        'return `${scope.id} ${keyringId} ${kid}`',
        'return `${scope.version} ${keyringId} ${kid}`',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more takes no key of another encryption context with it',
  },
  {
    attack: 10,
    defence: 'a denial concerns one key',
    patch: [
      replace(
        `${src}/key-standings.ts`,
        'return `${scope.id} ${keyringId} ${kid}`',
        'return `${scope.id} ${keyringId} ${kid.length}`',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more takes no other key of the keyring with it',
  },
  {
    attack: 10,
    defence: 'an answer is as old as its question',
    patch: [
      replace(`${src}/data-keys.ts`, 'standing.succeeded(askedAt)', 'standing.succeeded(this.#clock.monotonicNow())'),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more is noticed although a call that began before was still under way',
  },
  {
    attack: 10,
    defence: 'an outage takes no key away before staleIfErrorSeconds',
    patch: [
      replace(
        `${src}/key-standing.ts`,
        "if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED') || !this.isGood(this.#options.clock.monotonicNow())) throw error",
        'throw error',
      ),
    ],
    testFile: outageTests,
    test: 'an outage of the key service answering ERR_WAXSEAL_KEY_UNAVAILABLE leaves keys good for staleIfErrorSeconds after the last good answer',
  },
  {
    attack: 10,
    defence: 'keys are good in an outage until staleIfErrorSeconds and no longer',
    patch: [
      replace(
        `${src}/key-standing.ts`,
        "if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED') || !this.isGood(this.#options.clock.monotonicNow())) throw error",
        "if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) throw error",
      ),
      replace(
        `${src}/key-standing.ts`,
        'if (now >= this.#askedAt + this.#options.revalidateMs || !this.isGood(now)) return false',
        'if (now >= this.#askedAt + this.#options.revalidateMs) return false',
      ),
    ],
    testFile: outageTests,
    test: 'an outage of the key service answering ERR_WAXSEAL_KEY_UNAVAILABLE leaves keys good for staleIfErrorSeconds after the last good answer',
  },
  {
    attack: 10,
    defence: 'an outage does not hide a revocation',
    patch: [
      replace(
        `${src}/key-standing.ts`,
        'if (now >= this.#askedAt + this.#options.revalidateMs || !this.isGood(now)) return false',
        'if (!this.isGood(now)) return false',
      ),
    ],
    testFile: outageTests,
    test: 'an outage of the key service hides a revocation for staleIfErrorSeconds at most, and no longer than it lasts',
  },
  {
    attack: 10,
    defence: 'a planted record costs one call in 5 minutes',
    patch: [remove(`${src}/data-keys.ts`, 'if (refusal !== undefined && now < refusal.endsAt) throw refusal.error')],
    testFile: outageTests,
    test: 'one record of somebody else that does not unwrap costs one call in 5 minutes and purges nothing',
  },
  {
    attack: 10,
    defence: 'a planted record purges nothing',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'if (isDenied && wrappedKeys.length === 1) this',
        'if (wrappedKeys.length === 1) this',
      ),
    ],
    testFile: outageTests,
    test: 'one record of somebody else that does not unwrap costs one call in 5 minutes and purges nothing',
  },
  {
    attack: 10,
    defence: 'durations are on the monotonic clock',
    patch: [
      replace(
        `${src}/envelope.ts`,
        'staleIfErrorMs, cache, clock })',
        'staleIfErrorMs, cache, clock: { now: clock.now, monotonicNow: clock.now } })',
      ),
    ],
    testFile: revocationTests,
    test: 'one question to the key service is measured on the monotonic clock',
  },
  {
    attack: 10,
    defence: 'bytes that KMS cannot unwrap are no denial',
    patch: [
      replace(
        `${src}/aws-kms/errors.ts`,
        "  'AccessDeniedException',\n",
        "  'AccessDeniedException',\n  'InvalidCiphertextException',\n",
      ),
    ],
    testFile: `${tests}/aws-kms-errors.test.ts`,
    test: "one record's fault is INTEGRITY, one flat error a data key of a foreign KMS key, bytes that are none, and a bent one are not told apart",
  },
  {
    attack: 10,
    defence: 'throttling is no denial',
    patch: [
      replace(
        `${src}/aws-kms/errors.ts`,
        "  'AccessDeniedException',\n",
        "  'AccessDeniedException',\n  'ThrottlingException',\n",
      ),
    ],
    testFile: `${tests}/aws-kms-errors.test.ts`,
    test: 'an outage is KEY_UNAVAILABLE, retryable throttling',
  },
  {
    attack: 10,
    defence: 'a Region that is down beside one that denies is an outage',
    patch: [
      remove(`${src}/verdict.ts`, "    first('ERR_WAXSEAL_KEY_UNAVAILABLE') ??\n"),
      replace(
        `${src}/verdict.ts`,
        "failures.find((error) => !hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) ??",
        "first('ERR_WAXSEAL_KEY_DENIED') ??",
      ),
    ],
    testFile: `${tests}/aws-kms.test.ts`,
    test: 'several Regions access is denied only when it is in every Region',
  },
  {
    attack: 10,
    defence: 'data keys under key material from before minimumKeyDate open nothing',
    patch: [
      replace(
        `${src}/aws-kms/kms-key.ts`,
        'if (this.#materials === undefined || (await this.#materials.isYoungEnough(materialId))) return\n    throw keyMismatch(',
        'if (this.#materials === undefined || materialId !== undefined) return\n    throw keyMismatch(',
      ),
    ],
    testFile: `${tests}/aws-kms-minimum-key-date.test.ts`,
    test: 'with the real SDK opens what is under material from that instant on, and nothing from before',
  },
  {
    attack: 10,
    defence: 'it is a denial only when all keys that were asked deny',
    patch: [remove(`${src}/verdict.ts`, "failures.find((error) => !hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) ??")],
    testFile: `${tests}/multi-keyring.test.ts`,
    test: 'when none opens is denied if and only if all that were asked deny, whatever else goes wrong and in whatever order',
  },
  {
    attack: 10,
    defence: 'a denied key stays denied while new data keys can be made under it',
    patch: [
      remove(`${src}/data-keys.ts`, 'else if (!standing.isGood(this.#clock.monotonicNow())) await standing.confirm()'),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more stays so although new data keys can still be made under it',
  },
  {
    attack: 10,
    defence: 'an answer from before a denial counts no longer',
    patch: [replace(`${src}/key-standing.ts`, ' || askedAt < this.#deniedAt) return', ') return')],
    testFile: revocationTests,
    test: 'a key that is ours no more stays so when an answer from before comes late',
  },
  {
    attack: 10,
    defence: 'a planted record purges nothing under keys that it names beside a denied one',
    patch: [replace(`${src}/data-keys.ts`, 'if (isDenied && wrappedKeys.length === 1) this', 'if (isDenied) this')],
    testFile: outageTests,
    test: 'one record of somebody else beside a denied key purges nothing under another that it names',
  },
  {
    attack: 10,
    defence: 'a planted record under a disabled key costs one call in 5 seconds',
    patch: [replace(`${src}/data-keys.ts`, 'const DENIAL_MS = 5 * 1000', 'const DENIAL_MS = 0')],
    testFile: outageTests,
    test: 'one record of somebody else under a key of ours that is disabled costs one call in 5 seconds',
  },
  {
    attack: 10,
    defence: 'planted records do not flush the cache with one data key under many names',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'for (const wrappedKey of wrappedKeys) {\n      const entry = this.#openKeys[scope.version].get(openKeyId(scope, wrappedKey))\n      if (entry === undefined) continue',
        'for (const wrappedKey of wrappedKeys) {\n      const entry = this.#openKeys[scope.version].get(openKeyId(scope, wrappedKey))\n      if (entry === undefined) break',
      ),
      replace(
        `${src}/data-keys.ts`,
        'if (entry !== undefined) return entry\n    }\n    return undefined',
        'return entry\n    }\n    return undefined',
      ),
    ],
    testFile: outageTests,
    test: 'one record of somebody else whose genuine data key stands among any number of others takes one place in the cache',
  },
  {
    attack: 10,
    defence: 'an outage is not made shorter by the age of a data key that opens',
    patch: [
      replace(
        `${src}/data-keys.ts`,
        'if (held === undefined || !isOutage ||',
        'if (held !== undefined || !isOutage ||',
      ),
    ],
    testFile: outageTests,
    test: 'an outage of the key service is outlasted also by data keys that were due for unwrapping again',
  },
  {
    attack: 10,
    defence: 'credentials that are refused are no denial',
    patch: [remove(`${src}/aws-kms/kms-connection.ts`, '        await this.#assertCredentials()\n')],
    testFile: `${tests}/aws-kms-strange-answers.test.ts`,
    test: 'a call of KMS is no refusal when the provider of credentials is refused, whatever its error is named',
  },
]
