import { createHash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { WaxsealError, type WaxsealErrorCode, type WaxsealEvent } from '@waxseal/core'

/** What was done: the methods of a vault, and the notes of use that it writes in the background. */
export type VaultEventType =
  | 'store'
  | 'get'
  | 'expire'
  | 'invalidate'
  | 'metadata'
  | 'revoke'
  | 'delete'
  | 'list'
  | 'use'

/** On the diagnostics channel `waxseal:vault`, one for each operation. */
export interface VaultEvent extends WaxsealEvent {
  readonly type: VaultEventType
  readonly provider?: string
  /** Hash of the grant's id, where it is known. */
  readonly grant?: string
  readonly durationMilliseconds: number
}

const vaultChannel: ReturnType<typeof channel> = channel('waxseal:vault')

/** Runs an operation and tells the channel how it ended; at no cost while nobody listens. */
export async function observed<T>(
  type: VaultEventType,
  subject: { readonly provider?: string | undefined; readonly id?: string | undefined },
  operation: () => Promise<T>,
): Promise<T> {
  if (!vaultChannel.hasSubscribers) return operation()
  const startedAt = performance.now()
  const publish = (outcome: { level: 'debug' | 'warn'; code?: WaxsealErrorCode }) => {
    const event: VaultEvent = {
      type,
      ...outcome,
      ...(subject.provider !== undefined && { provider: subject.provider }),
      ...(subject.id !== undefined && { grant: hashed(subject.id) }),
      durationMilliseconds: performance.now() - startedAt,
    }
    vaultChannel.publish(event)
  }
  try {
    const result = await operation()
    publish({ level: 'debug' })
    return result
  } catch (error) {
    publish({ level: 'warn', ...(error instanceof WaxsealError && { code: error.code }) })
    throw error
  }
}

function hashed(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 16)
}
