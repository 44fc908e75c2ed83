/** The scenarios of keyring 3: those that open, and those that are refused. */

import { encodeContext } from '../../packages/core/src/context.ts'
import { sealPayload } from '../../packages/core/src/payload.ts'
import { APP, bytes, hex, open, type Passphrase, passphraseKey, refuse } from './scenario.ts'

/** The lowest cost, so that another implementation is not kept waiting. */
const passphrase: Passphrase = { passphrase: 'correct horse battery staple', kid: 'shop-2026', N: 2 ** 10, r: 8, p: 1 }

open('passphrase', 'Wrapped by a passphrase, with the salt that follows from its kid', { passphrase })
open('passphrase-default-cost', 'At the default cost of scrypt; a passphrase beyond ASCII', {
  passphrase: { ...passphrase, passphrase: 'na\u00efve caf\u00e9 \u{1f511} na\u00efve', N: 2 ** 17 },
})
open('passphrase-own-salt', 'A salt of its own, other block size and parallelism', {
  passphrase: { ...passphrase, salt: hex(bytes('passphrase-own-salt scrypt', 16)), N: 2 ** 11, r: 3, p: 5 },
})
open('passphrase-longest-kid', 'A kid of 64 characters', { passphrase: { ...passphrase, kid: `!${'~'.repeat(63)}` } })
open('kms-and-passphrase', 'A KMS key before a passphrase: the passphrase opens it, and so it does without KMS', {
  passphrase,
  kms: ['eu-west-1:1234abcd-12ab-34cd-56ef-1234567890ab'],
})
open('local-and-passphrase', 'A root key before a passphrase: either opens it', {
  passphrase,
  rootKeys: [bytes('local-and-passphrase root key', 32)],
})

const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'
const MISMATCH = 'ERR_WAXSEAL_KEY_MISMATCH'
const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'
const choice = { passphrase }
/** Where the wrapped key begins, and where the payload of the record does. */
const WRAPPED = 6 + 2 + passphrase.kid.length + 2
const PAYLOAD = WRAPPED + 123
const at = (offset: number, value: number) => (record: Buffer) => {
  record[offset] = value
  return record
}

for (const [name, what, offset, value] of [
  ['n-9', 'N of 2^9', 0, 9],
  ['n-21', 'N of 2^21', 0, 21],
  ['r-0', 'r of 0', 1, 0],
  ['r-17', 'r of 17', 1, 17],
  ['p-0', 'p of 0', 2, 0],
  ['p-17', 'p of 17', 2, 17],
] as const) {
  refuse(`passphrase-${name}`, {
    scenario: `scrypt out of bounds: ${what}`,
    error: MALFORMED,
    choice,
    change: at(WRAPPED + offset, value),
  })
}
for (const length of [122, 124]) {
  refuse(`passphrase-wrapped-${length}-bytes`, {
    scenario: `A key wrapped by a passphrase in ${length} bytes`,
    error: MALFORMED,
    choice,
    change: (record) => {
      record[WRAPPED - 1] = length
      const wrapped = Buffer.alloc(length)
      record.copy(wrapped, 0, WRAPPED, PAYLOAD)
      return Buffer.concat([record.subarray(0, WRAPPED), wrapped, record.subarray(PAYLOAD)])
    },
  })
}
refuse('passphrase-as-local', {
  scenario: 'A key wrapped by a passphrase, declared as one of a local keyring',
  error: MALFORMED,
  choice: { passphrase: { ...passphrase, kid: 'AAAAAAAAAAA' } },
  change: at(6, 2),
})
for (const [name, what, offset, value] of [
  ['n', 'a higher N', 0, 20],
  ['r', 'larger blocks', 1, 16],
  ['p', 'more rounds', 2, 16],
] as const) {
  refuse(`passphrase-bomb-${name}`, {
    scenario: `A record that asks for ${what} than the reader: refused before scrypt`,
    error: MISMATCH,
    choice,
    change: at(WRAPPED + offset, value),
  })
}
refuse('passphrase-salt-changed', {
  scenario: 'One bit of the salt of scrypt',
  error: MISMATCH,
  choice,
  change: (record) => at(WRAPPED + 18, (record[WRAPPED + 18] as number) ^ 1)(record),
})
refuse('passphrase-other-cost', {
  scenario: 'A reader with another N',
  error: MISMATCH,
  choice,
  opener: { passphrase: { ...passphrase, N: 2 ** 11 } },
})
refuse('passphrase-other-salt', {
  scenario: 'A reader with another salt',
  error: MISMATCH,
  choice,
  opener: { passphrase: { ...passphrase, salt: hex(bytes('passphrase-other-salt scrypt', 16)) } },
})
refuse('passphrase-other-kid', {
  scenario: 'A reader whose passphrase has another name, with the same salt',
  error: MISMATCH,
  choice,
  opener: {
    passphrase: { ...passphrase, kid: 'shop-2025', salt: hex(passphraseKey(passphrase).parameters.subarray(3)) },
  },
})
refuse('passphrase-kid-changed', {
  scenario: 'A kid changed in the record to that of the reader, with the same passphrase and salt',
  error: INTEGRITY,
  choice: { passphrase: { ...passphrase, salt: hex(bytes('passphrase-kid-changed scrypt', 16)) } },
  opener: { passphrase: { ...passphrase, kid: 'shop-2025', salt: hex(bytes('passphrase-kid-changed scrypt', 16)) } },
  change: (record) => at(8 + 8, '5'.charCodeAt(0))(record),
})
refuse('passphrase-wrong', {
  scenario: 'Another passphrase',
  error: INTEGRITY,
  choice,
  opener: { passphrase: { ...passphrase, passphrase: 'correct horse battery stapler' } },
})
refuse('passphrase-decomposed', {
  scenario: 'The same passphrase in another normal form of Unicode is another passphrase',
  error: INTEGRITY,
  choice: { passphrase: { ...passphrase, passphrase: 'na\u00efve caf\u00e9 passphrase' } },
  opener: { passphrase: { ...passphrase, passphrase: 'nai\u0308ve cafe\u0301 passphrase' } },
})
refuse('passphrase-other-encryption-context', {
  scenario: 'Another encryption context',
  error: INTEGRITY,
  choice,
  opener: { encryptionContext: { ...APP, app: 'other' } },
})
for (const [name, offset] of [
  ['salt', 19],
  ['commitment', 19 + 24],
  ['ciphertext', 19 + 56],
  ['tag', 122],
] as const) {
  refuse(`passphrase-wrapped-${name}-changed`, {
    scenario: `One bit of the ${name} of the wrapped key`,
    error: INTEGRITY,
    choice,
    change: (record) => at(WRAPPED + offset, (record[WRAPPED + offset] as number) ^ 1)(record),
  })
}
refuse('passphrase-with-local-label', {
  scenario: 'Wrapped by the key of the passphrase in the way of a local keyring',
  error: INTEGRITY,
  choice,
  change: (record, { dataKey, encryptionContext }) => {
    const { kid, key } = passphraseKey(passphrase)
    const name = Buffer.concat([Uint8Array.of(kid.length), Buffer.from(kid)])
    const context = Buffer.concat([Buffer.from('waxseal-wrap-v2'), name, encodeContext(encryptionContext)])
    sealPayload(key, context, Buffer.from(dataKey, 'hex'), record, WRAPPED + 19)
    return record
  },
})
