import { misuse } from '../arguments.ts'
import type { ProviderProfile, ProviderProfiles } from '../provider-profile.ts'

/** A profile with its defaults filled in; `undefined` where there is none. */
export interface RefreshSettings {
  readonly expiryBufferSeconds: number
  readonly refreshTimeoutSeconds: number
  readonly rotates: boolean
  readonly graceSeconds: number
  readonly idleSeconds: number | undefined
  readonly defaultLifetimeSeconds: number | undefined
  readonly terminalErrors: readonly string[]
}

/**
 * How much longer a lease runs than the provider may take to answer, in seconds: for what comes before the request and for
 * writing down what came of it.
 */
export const MARGIN_SECONDS = 5

/** More than anybody waits for a token. It bounds every lease, so that a clock set back can strand none. */
const LONGEST_TIMEOUT = 120
export const LONGEST_LEASE_SECONDS: number = LONGEST_TIMEOUT + MARGIN_SECONDS

const TEN_YEARS = 10 * 365 * 86_400

/** Settings by the names of the app's providers. */
export type SettingsByProvider = ReadonlyMap<string, RefreshSettings>

/** Those of a provider that the vault takes, so that they are there. */
export function settingsOf(settings: SettingsByProvider, { provider }: { readonly provider: string }): RefreshSettings {
  return settings.get(provider) as RefreshSettings
}

export function leaseSeconds({ refreshTimeoutSeconds }: RefreshSettings): number {
  return refreshTimeoutSeconds + MARGIN_SECONDS
}

/** Throws `ERR_WAXSEAL_ARGUMENT`, naming provider and field, for a profile that cannot work. */
export function refreshSettings(profiles: ProviderProfiles): SettingsByProvider {
  return new Map(Object.entries(profiles).map(([name, profile]) => [name, withDefaults(name, profile)]))
}

function withDefaults(provider: string, profile: ProviderProfile): RefreshSettings {
  const refuse = (field: string, must: string): never => misuse(`providers.${provider}.${field} must be ${must}`)
  if (typeof profile !== 'object' || profile === null) misuse(`providers.${provider} must be an object`)
  const number = <Default>(field: keyof ProviderProfile, fallback: Default, least = 0, most = TEN_YEARS) => {
    const value: unknown = profile[field]
    if (value === undefined) return fallback
    const isInRange = typeof value === 'number' && value >= least && value <= most
    return isInRange ? value : refuse(field, `a number of seconds from ${least} to ${most}`)
  }
  for (const hook of ['refresh', 'revoke'] as const) {
    if (profile[hook] !== undefined && typeof profile[hook] !== 'function') refuse(hook, 'a function')
  }
  const { rotates = true, terminalErrors = [] } = profile
  if (typeof rotates !== 'boolean') refuse('rotates', 'true or false')
  const isList = Array.isArray(terminalErrors) && terminalErrors.every((code) => /^[\x21-\x7e]{1,64}$/.test(code))
  if (!isList) refuse('terminalErrors', 'a list of error codes of at most 64 characters')
  return {
    expiryBufferSeconds: number('expiryBufferSeconds', 300),
    refreshTimeoutSeconds: number('refreshTimeoutSeconds', 10, 0.01, LONGEST_TIMEOUT),
    rotates,
    graceSeconds: number('graceSeconds', 0),
    idleSeconds: number('idleSeconds', undefined, 1),
    defaultLifetimeSeconds: number('defaultLifetimeSeconds', undefined, 1),
    terminalErrors,
  }
}
