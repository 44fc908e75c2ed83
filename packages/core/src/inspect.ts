import { COMMITMENT_BYTES, openedLength, SALT_BYTES } from './payload.ts'
import { type ContentName, KEYRING, parseRecord, type RecordPart, recordParts, VERSION } from './record.ts'
import { recordBytes } from './text-form.ts'

const KEYRING_NAMES: Readonly<Record<number, WrappedKeyInfo['keyring']>> = {
  [KEYRING.awsKms]: 'aws-kms',
  [KEYRING.local]: 'local',
  [KEYRING.passphrase]: 'passphrase',
}

/** A wrapped key of a record, named for people. */
export interface WrappedKeyInfo {
  readonly keyringId: number
  readonly keyring: 'aws-kms' | 'local' | 'passphrase'
  readonly kid: string
  readonly wrapped: Uint8Array
}

/** What a record says of itself without any key. Nothing of it is authenticated before the record is opened. */
export interface RecordInfo {
  readonly version: 2
  readonly suite: 'Cobblestone-256'
  readonly content: ContentName
  readonly wrappedKeys: readonly WrappedKeyInfo[]
  readonly salt: Uint8Array
  readonly commitment: Uint8Array
  /** Length of the plaintext in bytes. */
  readonly plaintextBytes: number
  /** Length of the record in bytes. */
  readonly recordBytes: number
  /** Every field in order and without gaps, so that the record can be shown byte by byte. */
  readonly parts: readonly RecordPart[]
}

/**
 * Takes a record, in bytes or text form, apart without opening it. The bytes returned are copies.
 * @throws WaxsealError when it is not a sound record, with the codes that `open` has for it.
 */
export function inspectRecord(record: Uint8Array | string): RecordInfo {
  const parsed = parseRecord(recordBytes(record))
  const { payload } = parsed
  return {
    version: VERSION,
    suite: 'Cobblestone-256',
    content: parsed.content,
    wrappedKeys: parsed.wrappedKeys.map(({ keyringId, kid, wrapped }) => ({
      keyringId,
      keyring: KEYRING_NAMES[keyringId] as WrappedKeyInfo['keyring'],
      kid,
      wrapped: new Uint8Array(wrapped),
    })),
    salt: new Uint8Array(payload.subarray(0, SALT_BYTES)),
    commitment: new Uint8Array(payload.subarray(SALT_BYTES, SALT_BYTES + COMMITMENT_BYTES)),
    plaintextBytes: openedLength(payload.length) as number,
    recordBytes: parsed.bytes.length,
    parts: recordParts(parsed),
  }
}

/**
 * The ids of the key-encryption keys that a record is wrapped under, in order: what a table keeps in a column beside the
 * record, so that rows under an old key can be found. Cheaper than {@link inspectRecord}.
 * @throws WaxsealError when it is not a sound record, with the codes that `open` has for it.
 */
export function recordKeyIds(record: Uint8Array): string[] {
  return parseRecord(record).wrappedKeys.map(({ kid }) => kid)
}
