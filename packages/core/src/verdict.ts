import { WaxsealError, type WaxsealErrorCode } from './errors.ts'

export function keyMismatch(problem = 'the record is wrapped under no key of this keyring'): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_KEY_MISMATCH', `Waxseal: ${problem}`)
}

export function hasCode(error: unknown, code: WaxsealErrorCode): boolean {
  return error instanceof WaxsealError && error.code === code
}

/**
 * What the failures of all keys that were asked come to. Denied only if every key was: callers drop the keys that they
 * hold upon that, so neither a Region that is down nor bent bytes beside a disabled key may look like it.
 */
export function verdict(failures: readonly unknown[]): unknown {
  const first = (code: WaxsealErrorCode): unknown => failures.find((error) => hasCode(error, code))
  return (
    first('ERR_WAXSEAL_KEY_UNAVAILABLE') ??
    first('ERR_WAXSEAL_CONFIG') ??
    first('ERR_WAXSEAL_INTEGRITY') ??
    failures.find((error) => !hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) ??
    failures[0] ??
    keyMismatch()
  )
}
