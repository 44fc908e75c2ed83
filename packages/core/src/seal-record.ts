import { type KeyObject, randomBytes } from 'node:crypto'
import type { SealKey } from './data-keys.ts'
import { openPayload, SALT_BYTES, sealPayload } from './payload.ts'
import { type ContentName, encodeBinding, type ParsedRecord, startRecord } from './record.ts'

/**
 * A whole record. The salt comes straight from the CSPRNG for each one: a pool that survived a fork or the snapshot of
 * a virtual machine would repeat salts. Only frozen vectors name their own.
 */
export function sealRecord(
  { key, header }: SealKey,
  content: ContentName,
  context: Uint8Array,
  plaintext: Uint8Array,
  salt: Uint8Array = randomBytes(SALT_BYTES),
): Uint8Array {
  const record = startRecord(header, content, plaintext.length)
  record.set(salt, header.length)
  sealPayload(key, encodeBinding(record, context), plaintext, record, header.length)
  return record
}

/** @throws WaxsealError `ERR_WAXSEAL_INTEGRITY` */
export function openRecord(key: KeyObject, record: ParsedRecord, context: Uint8Array): Uint8Array {
  return openPayload(key, encodeBinding(record.bytes, context), record.payload)
}
