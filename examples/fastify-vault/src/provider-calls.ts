import type { ProviderProfile } from '@waxseal/drizzle'

/** How often this process has asked a provider for a new access token. For the page; no app needs it. */
export const providerCalls = { refreshes: 0 }

/** The profile, with its refreshes counted. */
export function counted(profile: ProviderProfile): ProviderProfile {
  const { refresh } = profile
  if (refresh === undefined) return profile
  return {
    ...profile,
    refresh(request, options) {
      providerCalls.refreshes += 1
      return refresh(request, options)
    },
  }
}
