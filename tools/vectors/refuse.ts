/** The scenarios that are refused. */
import { createHash, createSecretKey } from 'node:crypto'
import { localKid } from '../../packages/core/src/local-keyring.ts'
import { CONTENT } from '../../packages/core/src/record.ts'
import { APP, bytes, hex, make, refuse, SESSION } from './scenario.ts'

// What a parser refuses.
const MALFORMED = 'ERR_WAXSEAL_RECORD_MALFORMED'
const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'
const LEGACY = 'ERR_WAXSEAL_LEGACY_REFUSED'
const VERSION = 'ERR_WAXSEAL_UNSUPPORTED_VERSION'
const at = (offset: number, value: number) => (record: Buffer) => {
  record[offset] = value
  return record
}
const flip = (offset: number) => (record: Buffer) => {
  const index = offset < 0 ? record.length + offset : offset
  record.writeUInt8(record.readUInt8(index) ^ 1, index)
  return record
}
/** Where the payload begins in a record with one local wrapped key. */
const HEADER = 6 + 2 + 11 + 2 + 104

refuse('empty', { scenario: 'No bytes at all', error: MALFORMED, change: () => new Uint8Array(0) })
refuse('magic', { scenario: 'Another first byte', error: MALFORMED, change: at(0, 0xed) })
refuse('legacy-base64', {
  scenario: 'The first byte of base64 text, as values of version 1 have it',
  error: LEGACY,
  change: (record) => Buffer.from(record.subarray(1).toString('base64')),
})
refuse('text-form-as-bytes', {
  scenario: 'The text form where bytes are expected',
  error: LEGACY,
  change: (record) => Buffer.from(`ws2.${record.toString('base64url')}`),
})
refuse('version-1', { scenario: 'Version byte 1', error: VERSION, change: at(1, 1) })
refuse('version-3', { scenario: 'Version byte 3', error: VERSION, change: at(1, 3) })
refuse('suite-0', { scenario: 'Suite 0', error: 'ERR_WAXSEAL_UNSUPPORTED_SUITE', change: at(2, 0) })
refuse('suite-2', { scenario: 'Suite 2', error: 'ERR_WAXSEAL_UNSUPPORTED_SUITE', change: at(2, 2) })
refuse('flag-padded', { scenario: 'Flag bit 0', error: MALFORMED, change: at(3, 1) })
refuse('flag-compressed', { scenario: 'Flag bit 1', error: MALFORMED, change: at(3, 2) })
refuse('flag-high', { scenario: 'Flag bit 7', error: MALFORMED, change: at(3, 0x80) })
refuse('content-3', { scenario: 'An unknown content', error: MALFORMED, change: at(4, 3) })
refuse('count-0', { scenario: 'No wrapped key', error: MALFORMED, change: at(5, 0) })
refuse('count-9', { scenario: 'Nine wrapped keys', error: MALFORMED, change: at(5, 9) })
refuse('count-255', { scenario: 'A bomb of 255 wrapped keys', error: MALFORMED, change: at(5, 255) })
refuse('keyring-0', { scenario: 'Keyring 0', error: MALFORMED, change: at(6, 0) })
// Reserved when this was frozen; refused ever since, because its wrapped key is not laid out as one of a passphrase.
refuse('keyring-3', { scenario: 'A keyring that is reserved', error: MALFORMED, change: at(6, 3) })
refuse('keyring-4', { scenario: 'The other keyring that is reserved', error: MALFORMED, change: at(6, 4) })
refuse('kid-empty', {
  scenario: 'An empty kid',
  error: MALFORMED,
  change: (record) => Buffer.concat([record.subarray(0, 6), Uint8Array.of(1, 0), record.subarray(19)]),
})
refuse('kid-65-bytes', {
  scenario: 'A kid of 65 bytes',
  error: MALFORMED,
  change: (record) =>
    Buffer.concat([record.subarray(0, 6), Uint8Array.of(1, 65), Buffer.alloc(65, 'k'), record.subarray(19)]),
})
refuse('kid-control-character', { scenario: 'A line break in a kid', error: MALFORMED, change: at(8, 0x0a) })
refuse('kid-not-canonical', {
  scenario: 'A local kid whose last character has spare bits set',
  error: MALFORMED,
  change: at(18, 'B'.charCodeAt(0)),
})
refuse('local-wrapped-103-bytes', {
  scenario: 'A locally wrapped key that is one byte short',
  error: MALFORMED,
  change: (record) => Buffer.concat([record.subarray(0, 19), Uint8Array.of(0, 103), record.subarray(21)]),
})
refuse('wrapped-empty', {
  scenario: 'An empty wrapped key',
  error: MALFORMED,
  change: (record) => Buffer.concat([record.subarray(0, 6), Uint8Array.of(1, 1, 0x61, 0, 0), record.subarray(HEADER)]),
})
refuse('wrapped-1025-bytes', {
  scenario: 'A wrapped key above 1 KiB',
  error: MALFORMED,
  change: (record) =>
    Buffer.concat([
      record.subarray(0, 6),
      Uint8Array.of(1, 1, 0x61, 4, 1),
      Buffer.alloc(1025),
      record.subarray(HEADER),
    ]),
})
refuse('wrapped-beyond-end', {
  scenario: 'A wrapped key that reaches beyond the record',
  error: MALFORMED,
  change: at(19, 0xff),
})
refuse('duplicate-wrapped-key', {
  scenario: 'The same wrapped key twice',
  error: MALFORMED,
  change: (record) => {
    const doubled = Buffer.concat([record.subarray(0, HEADER), record.subarray(6)])
    doubled[5] = 2
    return doubled
  },
})
refuse('ends-in-header', { scenario: 'Five bytes', error: MALFORMED, change: (record) => record.subarray(0, 5) })
refuse('ends-in-kid', {
  scenario: 'The end within the kid',
  error: MALFORMED,
  change: (record) => record.subarray(0, 12),
})
refuse('ends-in-salt', {
  scenario: 'The end within the salt',
  error: MALFORMED,
  change: (record) => record.subarray(0, HEADER + 10),
})
refuse('ends-in-tag', {
  scenario: 'A last chunk shorter than a tag',
  error: MALFORMED,
  change: (record) => record.subarray(0, HEADER + 56 + 15),
})
const twoChunks = { content: 'bytes' as const, plaintext: bytes('two chunks', 16_384 + 10) }
refuse('last-chunk-dropped', {
  scenario: 'The last chunk is gone: what remains ends with a full chunk',
  error: MALFORMED,
  choice: twoChunks,
  change: (record) => record.subarray(0, HEADER + 56 + 16_400),
})

// What parses and does not open.
refuse('salt-changed', {
  scenario: 'One bit of the salt',
  error: INTEGRITY,
  change: flip(HEADER),
})
refuse('commitment-changed', {
  scenario: 'One bit of the commitment, over chunks that would verify',
  error: INTEGRITY,
  change: flip(HEADER + 24),
})
refuse('ciphertext-changed', {
  scenario: 'One bit of the ciphertext',
  error: INTEGRITY,
  change: flip(HEADER + 56),
})
refuse('tag-changed', {
  scenario: 'One bit of the tag',
  error: INTEGRITY,
  change: flip(-1),
})
refuse('tag-12-bytes', {
  scenario: 'A tag of 12 bytes, which some libraries accept',
  error: INTEGRITY,
  change: (record) => record.subarray(0, -4),
})
refuse('trailing-byte', {
  scenario: 'One byte behind the record',
  error: INTEGRITY,
  change: (record) => Buffer.concat([record, Uint8Array.of(0)]),
})
refuse('content-changed', {
  scenario: 'Text declared as JSON: the content is authenticated',
  error: INTEGRITY,
  change: at(4, CONTENT.json),
})
refuse('wrapped-changed', {
  scenario: 'One bit of the wrapped key',
  error: INTEGRITY,
  change: flip(100),
})
refuse('chunks-swapped', {
  scenario: 'Two full chunks in the other order',
  error: INTEGRITY,
  choice: { content: 'bytes', plaintext: bytes('three chunks', 32_768) },
  change: (record) => {
    const start = HEADER + 56
    const chunk = (i: number): Buffer => record.subarray(start + i * 16_400, start + (i + 1) * 16_400)
    return Buffer.concat([record.subarray(0, start), chunk(1), chunk(0), chunk(2)])
  },
})
refuse('first-chunk-dropped', {
  scenario: 'The first chunk is gone',
  error: INTEGRITY,
  choice: twoChunks,
  change: (record) => Buffer.concat([record.subarray(0, HEADER + 56), record.subarray(HEADER + 56 + 16_400)]),
})
refuse('other-row', {
  scenario: 'A record copied to another row',
  error: INTEGRITY,
  opener: { recordContext: { ...SESSION, key: createHash('sha256').update('another id').digest('base64url') } },
})
refuse('other-purpose', {
  scenario: 'A record used for another purpose',
  error: INTEGRITY,
  opener: { recordContext: { ...SESSION, purpose: 'grant' } },
})
refuse('context-with-more', {
  scenario: 'A record context with one entry more',
  error: INTEGRITY,
  opener: { recordContext: { ...SESSION, tenant: '' } },
})
refuse('context-split', {
  scenario: 'Two entries where one was sealed that reads alike',
  error: INTEGRITY,
  choice: { recordContext: { a: 'b&c=d' } },
  opener: { recordContext: { a: 'b', c: 'd' } },
})
refuse('other-encryption-context', {
  scenario: 'Another encryption context: the wrapped key does not open',
  error: INTEGRITY,
  opener: { encryptionContext: { ...APP, app: 'other' } },
})
refuse('unlisted-root-key', {
  scenario: 'Wrapped under a root key that the reader does not have',
  error: 'ERR_WAXSEAL_KEY_MISMATCH',
  opener: { rootKeys: [hex(bytes('unlisted-root-key reader', 32))] },
})
refuse('only-kms', {
  scenario: 'Wrapped under KMS keys alone, read with a root key',
  error: 'ERR_WAXSEAL_KEY_MISMATCH',
  choice: { kms: ['eu-west-1:1234abcd-12ab-34cd-56ef-1234567890ab'], locals: [] },
})
refuse('kid-of-another-key', {
  scenario: 'A wrapped key under the kid of another root key of the reader',
  error: INTEGRITY,
  choice: { rootKeys: [bytes('kid-of-another-key a', 32), bytes('kid-of-another-key b', 32)] },
  change: (record, { rootKeys }) => {
    record.write(localKid(createSecretKey(Buffer.from(rootKeys[1] as string, 'hex'))), 8, 'latin1')
    return record
  },
})
refuse('payload-of-another-data-key', {
  scenario: 'The header of one record before the payload of another: same place, another data key',
  error: INTEGRITY,
  change: (record) => {
    const other = Buffer.from(make('payload-of-another-data-key other', '').record, 'hex')
    return Buffer.concat([record.subarray(0, HEADER), other.subarray(HEADER)])
  },
})

// Text forms.
const encoded = (record: Buffer): string => record.toString('base64url')
refuse('text-padded', {
  scenario: 'Padding in the text form',
  error: MALFORMED,
  text: (record) => `ws2.${encoded(record)}=`,
})
refuse('text-newline', {
  scenario: 'A line break after the text form',
  error: MALFORMED,
  text: (record) => `ws2.${encoded(record)}\n`,
})
refuse('text-junk', {
  scenario: 'A character that lenient decoders skip',
  error: MALFORMED,
  text: (record) => `ws2.${encoded(record).slice(0, 40)}!${encoded(record).slice(40)}`,
})
refuse('text-base64', {
  scenario: 'The base64 alphabet instead of base64url',
  error: MALFORMED,
  text: (record) => `ws2.${record.toString('base64')}`,
})
refuse('text-empty', { scenario: 'The prefix alone', error: MALFORMED, text: () => 'ws2.' })
refuse('text-version-3', {
  scenario: 'The prefix of a later version',
  error: VERSION,
  text: (record) => `ws3.${encoded(record)}`,
})
refuse('text-legacy', {
  scenario: 'Base64 text without a prefix',
  error: LEGACY,
  text: (record) => record.toString('base64'),
})
