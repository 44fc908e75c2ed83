import { type Clock, type Envelope, WaxsealTypeError } from '@waxseal/core'
import type { SessionTable } from './session-table.ts'
import type { Version1Table } from './version1-table.ts'

/**
 * How a store treats sessions of version 1. They are bound to no row, so that accepting them is a door: give it a date.
 *
 * - `acceptUntil`: they are read until then, and become rows of version 2 when they are. From then on they are refused;
 *   each is an `unreadable` event with `ERR_WAXSEAL_LEGACY_REFUSED`.
 * - `write: true`: for as long as older code serves the same users. Both versions are read, nothing is upgraded, and
 *   what is not yet a row of version 2 is written as version 1; until `acceptUntil`, if that is given.
 */
export type Version1Options =
  | { readonly acceptUntil: Date; readonly write?: never }
  | { readonly write: true; readonly acceptUntil?: Date }

/** {@link Version1Options} at this moment. */
export class Version1Policy {
  readonly #write: boolean
  readonly #acceptUntil: number
  readonly #clock: Clock

  constructor({ write, acceptUntil }: Version1Options, clock: Clock) {
    this.#write = write === true
    this.#acceptUntil = acceptUntil?.getTime() ?? Number.POSITIVE_INFINITY
    this.#clock = clock
  }

  get accepts(): boolean {
    return this.#clock.now() < this.#acceptUntil
  }

  get writes(): boolean {
    return this.#write && this.accepts
  }
}

/** What a store's options say of version 1. */
interface Version1Settings {
  readonly envelope: Envelope
  readonly version1?: Version1Options
}

/** What reading, writing and listing version 1 need beside what version 2 needs. */
export interface Version1Parts {
  readonly items: Version1Table
  readonly envelope: Envelope
  readonly policy: Version1Policy
}

/** `undefined` when version 1 is off. */
export function version1Parts(
  { version1: items }: SessionTable,
  { version1, envelope }: Version1Settings,
  clock: Clock,
): Version1Parts | undefined {
  if (version1 === undefined || items === undefined) return undefined
  return { items, envelope, policy: new Version1Policy(version1, clock) }
}

/** Throws `ERR_WAXSEAL_ARGUMENT`: no date and no `write`, or an envelope or a table that has no version 1. */
export function checkVersion1({ version1, envelope }: Version1Settings, table: SessionTable): void {
  if (version1 === undefined) return
  const { write, acceptUntil } = version1 ?? {}
  if (!(write === true || (write === undefined && acceptUntil !== undefined))) {
    fail('version1 must be { acceptUntil: Date } or { write: true }')
  }
  if (acceptUntil !== undefined && !(acceptUntil instanceof Date && !Number.isNaN(acceptUntil.getTime()))) {
    fail('version1.acceptUntil must be a valid Date')
  }
  if (typeof envelope.openVersion1 !== 'function') fail('version1 needs an envelope from createEnvelope()')
  if (table.version1 === undefined) fail('version1 is for tables that can hold items of version 1, those of DynamoDB')
}

function fail(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
