import { createHash } from 'node:crypto'
import { type Channel, channel } from 'node:diagnostics_channel'
import { WaxsealError, type WaxsealErrorCode } from './errors.ts'

/**
 * The names of every Waxseal channel of `node:diagnostics_channel`. This package publishes on the first three; the
 * session store and the token vault on the other two.
 */
export const channelNames = ['waxseal:seal', 'waxseal:open', 'waxseal:kms', 'waxseal:session', 'waxseal:vault'] as const

/** What every event on every channel has. No event holds a key, plaintext, a token or an id that is not hashed. */
export interface WaxsealEvent {
  /** What was done, `seal` for instance. */
  readonly type: string
  /** `warn` for what failed, `debug` for the rest. */
  readonly level: 'debug' | 'warn'
  /** The outcome when it failed. */
  readonly code?: WaxsealErrorCode
}

/** On `waxseal:seal` and `waxseal:open`, one for each record. */
export interface RecordEvent extends WaxsealEvent {
  readonly type: 'seal' | 'open'
  /** Of the format: 1 for what the older apps wrote or still read. */
  readonly version: 1 | 2
  /** Hash of the encryption context. */
  readonly encryptionContext: string
  /** Hash of the record context, absent when that was refused. */
  readonly recordContext?: string
  /** Length of the record, absent when none came about. */
  readonly recordBytes?: number
  readonly durationMilliseconds: number
  /** Whether the data key was at hand, so that no key service was asked. */
  readonly cacheHit: boolean
}

/** On `waxseal:kms`, one for each call of a keyring. */
export interface KeyringEvent extends WaxsealEvent {
  readonly type: 'generate' | 'unwrap' | 'renew' | 'probe' | 'rewrap'
  readonly encryptionContext: string
  readonly durationMilliseconds: number
}

export const sealChannel: Channel = channel('waxseal:seal')
export const openChannel: Channel = channel('waxseal:open')
export const kmsChannel: Channel = channel('waxseal:kms')

/** The level and code of an outcome. */
export function outcome(error?: unknown): Pick<WaxsealEvent, 'level' | 'code'> {
  if (error === undefined) return { level: 'debug' }
  return error instanceof WaxsealError ? { level: 'warn', code: error.code } : { level: 'warn' }
}

/** A short name for bytes that must not be shown: 16 base64url characters of their SHA-256. */
export function hashLabel(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16)
}
