import { type Defence, remove, replace } from '../defence.ts'

const src = 'packages/core/src'
const tests = 'packages/core/test'
const dataKeysTests = `${tests}/data-keys.test.ts`
const revocationTests = `${tests}/revocation.test.ts`
const outageTests = `${tests}/outage.test.ts`

/** The life of data keys: how old they get, who shares them, when the key service is asked, and what its answers mean. */
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
        'return once(this.#sealFlights, scope.id, () => this.#confirmOrGenerate(scope))',
        'return this.#confirmOrGenerate(scope)',
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
        'return once(this.#sealFlights, scope.id, () => this.#confirmOrGenerate(scope))',
        'return this.#confirmOrGenerate(scope)',
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
        `${src}/envelope.ts`,
        'const id = openKeyId(this.#scope, parsed.wrappedKeysBytes)',
        'const id = openKeyId(this.#scope, parsed.bytes)',
      ),
    ],
    testFile: dataKeysTests,
    test: 'a stampede over 10,000 record contexts costs one call in a process that only opens',
  },
  {
    attack: 10,
    defence: 'the key service is asked again every revalidateSeconds',
    patch: [
      replace(
        `${src}/key-standing.ts`,
        'if (now >= this.#askedAt + this.#options.revalidateMs || now >= this.#goodUntil) return false',
        'if (now >= this.#goodUntil) return false',
      ),
    ],
    testFile: revocationTests,
    test: 'a key that is ours no more seals and opens nothing from revalidateSeconds on, in a process that was idle',
  },
  {
    attack: 10,
    defence: 'a denial purges what is sealed with',
    patch: [remove(`${src}/data-keys.ts`, 'this.#sealKeys.deleteWhere((entry) => entry.standing === standing)')],
    testFile: revocationTests,
    test: 'a key that is ours no more ends sooner in a busy one, on both sides and for every data key, also those not asked about',
  },
  {
    attack: 10,
    defence: 'a denial purges what is opened with',
    patch: [remove(`${src}/data-keys.ts`, 'this.#openKeys.deleteWhere((entry) => entry.standing === standing)')],
    testFile: revocationTests,
    test: 'a key that is ours no more ends sooner in a busy one, on both sides and for every data key, also those not asked about',
  },
  {
    attack: 10,
    defence: 'a denial of any call counts',
    patch: [
      remove(
        `${src}/data-keys.ts`,
        'if (isDenied(error)) for (const wrappedKey of wrappedKeys) this.#purge(standingId(scope, wrappedKey))',
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
        `${src}/data-keys.ts`,
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
        `${src}/data-keys.ts`,
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
      replace(
        `${src}/data-keys.ts`,
        '    const standing = this.#standingOf(scope, unwrapped.wrappedKey, askedAt)\n    standing.succeeded(askedAt)',
        '    const standing = this.#standingOf(scope, unwrapped.wrappedKey, this.#clock.monotonicNow())\n    standing.succeeded(this.#clock.monotonicNow())',
      ),
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
        'if (isDenied(error) || this.#options.clock.monotonicNow() >= this.#goodUntil) throw error',
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
        'if (isDenied(error) || this.#options.clock.monotonicNow() >= this.#goodUntil) throw error',
        'if (isDenied(error)) throw error',
      ),
      replace(
        `${src}/key-standing.ts`,
        'if (now >= this.#askedAt + this.#options.revalidateMs || now >= this.#goodUntil) return false',
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
        'if (now >= this.#askedAt + this.#options.revalidateMs || now >= this.#goodUntil) return false',
        'if (now >= this.#goodUntil) return false',
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
    patch: [replace(`${src}/data-keys.ts`, 'if (isDenied(error)) for (const wrappedKey', 'for (const wrappedKey')],
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
        'if (this.#materials === undefined || (await this.#materials.isYoungEnough(materialId))) return',
        'if (this.#materials === undefined || materialId !== undefined) return',
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
    attack: 11,
    defence: 'the encryption context is in the name of a key that opens',
    patch: [replace(`${src}/data-keys.ts`, 'Buffer.concat([scope.digest, wrappedKeysBytes])', 'wrappedKeysBytes')],
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
