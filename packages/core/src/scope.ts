import { createHash } from 'node:crypto'
import { checkEncryptionContext, encodeContext } from './context.ts'
import { hashLabel } from './diagnostics.ts'
import type { EncryptionContext } from './keyring.ts'
import { SUITE_COBBLESTONE_256 } from './record.ts'

/** What data keys are for: those of one scope may seal and open each other's records, those of two never. */
export interface Scope {
  readonly version: 1 | 2
  /** Empty for version 1. */
  readonly encryptionContext: EncryptionContext
  /** SHA-256 over the suite and the length-prefixed encryption context. */
  readonly digest: Buffer
  /** The digest as text, the key of the seal cache. */
  readonly id: string
  /** What events show of it. */
  readonly label: string
}

/** @throws WaxsealTypeError for an encryption context that cannot be one. */
export function createScope(context: EncryptionContext): Scope {
  const encryptionContext = checkEncryptionContext(context)
  return scopeOf(2, encryptionContext, SUITE_COBBLESTONE_256, encodeContext(encryptionContext))
}

/** All data keys of version 1, which knew no encryption context. No suite is 0, so that no other scope has its digest. */
export const version1Scope: Scope = scopeOf(1, {}, 0, Buffer.from('version 1', 'latin1'))

function scopeOf(version: 1 | 2, encryptionContext: EncryptionContext, suite: number, encoded: Uint8Array): Scope {
  const digest = createHash('sha256').update(Uint8Array.of(suite)).update(encoded).digest()
  return { version, encryptionContext, digest, id: digest.toString('base64'), label: hashLabel(encoded) }
}
