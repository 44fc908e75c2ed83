import { createHash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { WaxsealError, type WaxsealErrorCode, type WaxsealEvent } from '@waxseal/core'

/**
 * What was done: the methods of a vault, the notes of use that it writes in the background, `refresh` for each claim and
 * `save` for what a refresh brought and the database did not take.
 */
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
  | 'refresh'
  | 'save'
  | 'recover'
  | 'rotate'
  | 'prune'

/**
 * How a refresh ended: `refreshed`, there is a new access token; `failed`, the provider gave none; `lost`, the grant was
 * revoked, deleted, connected anew or refreshed by somebody else meanwhile, or cannot be refreshed.
 */
export type RefreshOutcome = 'refreshed' | 'failed' | 'lost'

/** On the diagnostics channel `waxseal:vault`, one for each operation. */
export interface VaultEvent extends WaxsealEvent {
  readonly type: VaultEventType
  readonly provider?: string
  /** Hash of the grant's id, where it is known. */
  readonly grant?: string
  /** Of a `refresh` that came to an end. */
  readonly outcome?: RefreshOutcome
  readonly durationMilliseconds: number
}

const vaultChannel: ReturnType<typeof channel> = channel('waxseal:vault')

/** Runs an operation and tells the channel how it ended; at no cost while nobody listens. */
export async function observed<T>(
  type: VaultEventType,
  subject: { readonly provider?: string | undefined; readonly id?: string | undefined },
  operation: () => Promise<T>,
  outcomeOf?: (result: T) => RefreshOutcome,
): Promise<T> {
  if (!vaultChannel.hasSubscribers) return operation()
  const startedAt = performance.now()
  const publish = (ending: { level: 'debug' | 'warn'; code?: WaxsealErrorCode; outcome?: RefreshOutcome }) => {
    const event: VaultEvent = {
      type,
      ...ending,
      ...(subject.provider !== undefined && { provider: subject.provider }),
      ...(subject.id !== undefined && { grant: hashed(subject.id) }),
      durationMilliseconds: performance.now() - startedAt,
    }
    vaultChannel.publish(event)
  }
  try {
    const result = await operation()
    const outcome = outcomeOf?.(result)
    publish({ level: outcome === 'failed' ? 'warn' : 'debug', ...(outcome && { outcome }) })
    return result
  } catch (error) {
    publish({ level: 'warn', ...(error instanceof WaxsealError && { code: error.code }) })
    throw error
  }
}

function hashed(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 16)
}
