import { WaxsealTypeError } from '@waxseal/core'
import type { PgColumn } from 'drizzle-orm/pg-core'

/** Characters: three such names and a provider's, at four bytes each, still fit an index entry of Postgres. */
const LONGEST_NAME = 255
export const LONGEST_PROVIDER = 64

/** Throws `ERR_WAXSEAL_ARGUMENT`. The message must name no token. */
export function misuse(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}

/**
 * Checks a text that becomes part of a row's key: at most 255 characters, none that Postgres cannot hold (NUL) or that
 * would be replaced on the way (a lone surrogate), since then two names could meet.
 */
export function checkName(what: string, value: unknown, longest: number = LONGEST_NAME): string {
  if (typeof value !== 'string') misuse(`${what} must be a string`)
  if (value.length > 2 * longest || [...value].length > longest) misuse(`${what} is longer than ${longest} characters`)
  if (!isStorable(value)) misuse(`${what} holds a NUL or ill-formed Unicode`)
  return value
}

/** Whether Postgres gives a text back as it was. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** A date that Postgres and ISO text agree on; null for none. */
export function checkInstant(what: string, value: unknown): Date | null {
  if (value === undefined || value === null) return null
  const isDate = value instanceof Date && value.getTime() >= 0 && value.getUTCFullYear() <= 9999
  return isDate ? value : misuse(`${what} must be a Date between 1970 and 9999`)
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id in the one spelling that Postgres gives back. */
export function checkUuid(what: string, value: unknown): string {
  const id = typeof value === 'string' ? value.toLowerCase() : ''
  return uuidPattern.test(id) ? id : misuse(`${what} must be a uuid`)
}

/** Of one that is none, a wait could end with an error that nobody handles. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) misuse('signal must be an AbortSignal')
}

/** The version of a grant, as its column holds it. */
export function checkVersion(what: string, value: unknown): number {
  const isVersion = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value < 2 ** 31
  return isVersion ? value : misuse(`${what} must be that of an access token`)
}

/** How many bits the integers of a column have. */
const integerBits: Readonly<Record<string, number>> = { smallint: 16, integer: 32, bigint: 64 }

/**
 * How a tenant's id reads in the type of its column: a grant is sealed for the spelling that the row gives back, so
 * another spelling of the same value must become that one before.
 */
export function tenantIdCheck(column: PgColumn): (value: unknown) => string {
  const type = column.getSQLType()
  if (type === 'uuid') return (value) => checkUuid('tenantId', value)
  const bits = integerBits[type]
  if (bits !== undefined) {
    return (value) => {
      const isInteger = typeof value === 'string' && /^(0|-?[1-9][0-9]{0,18})$/.test(value)
      const fits = isInteger && BigInt.asIntN(bits, BigInt(value)) === BigInt(value)
      return fits ? value : misuse(`tenantId must be a ${type} as a string`)
    }
  }
  // Of a varchar that is shorter than our names.
  const longest = Math.min(LONGEST_NAME, Number(/\d+/.exec(type)?.[0] ?? LONGEST_NAME))
  return (value) => checkName('tenantId', value, longest) || misuse('tenantId must not be empty')
}
