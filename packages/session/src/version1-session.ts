import { isUtf8 } from 'node:buffer'
import { type Envelope, WaxsealError } from '@waxseal/core'
import type { EncryptionResult } from '@waxseal/core/version1'
import type { SealedSession } from './sealed-session.ts'
import { type SessionSnapshot, withoutReserved } from './session-content.ts'

/** In bytes of UTF-8: DynamoDB's limit for a partition key. */
const MAX_KEY_BYTES = 2048

/** Whether an item of version 1 can stand under the session id. Keys with `#` in front are of another kind. */
export function isItemKey(id: string): boolean {
  return !id.startsWith('#') && Buffer.byteLength(id) <= MAX_KEY_BYTES
}

/** What is encrypted in an item of version 1: the session as it is, cookie included, with no wrapper around it. */
export function toPlaintext({ content, cookie }: SessionSnapshot): string {
  return cookie === undefined ? content : JSON.stringify({ ...JSON.parse(content), cookie })
}

/** Throws the envelope's errors, or `ERR_WAXSEAL_RECORD_MALFORMED` when what was encrypted is no session. */
export async function openItem(envelope: Envelope, item: EncryptionResult): Promise<SealedSession['session']> {
  const session = parse(await envelope.openVersion1(item))
  if (!isObject(session)) throw malformed()
  const { cookie, ...content } = withoutReserved(session)
  return isObject(cookie) ? { ...content, cookie } : content
}

function parse(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw malformed()
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    // The SyntaxError quotes the plaintext: it is not passed on.
    throw malformed()
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The item of version 1 opens, but holds no session')
}
