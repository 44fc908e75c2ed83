import { ProviderError, type TokenResponse, type TokenVault } from '@waxseal/drizzle'

/** How a caller comes to an access token that works. */
export type Guard = 'vault' | 'none'

export const TENANT = 'tenant'

/** Asks the strict provider; see strict-provider.ts. */
export async function askProvider(url: string, refreshToken: string, signal?: AbortSignal): Promise<TokenResponse> {
  const response = await fetch(`${url}/token`, { method: 'POST', body: refreshToken, ...(signal && { signal }) })
  const answer = (await response.json()) as TokenResponse & { error?: string }
  if (!response.ok) throw new ProviderError(answer.error ?? '', { status: response.status })
  return answer
}

/** The providers of the vault. */
export function providersOf(url: string) {
  return {
    acme: {
      refresh: ({ refreshToken }: { readonly refreshToken: string }, { signal }: { readonly signal: AbortSignal }) =>
        askProvider(url, refreshToken, signal),
    },
  }
}

/** The access token by each guard. `none` is what apps do that have a table of tokens and nothing else. */
export const guards: Record<
  Guard,
  (vault: TokenVault<ReturnType<typeof providersOf>>, url: string) => Promise<string>
> = {
  async vault(vault) {
    const { accessToken } = await vault.getFreshAccessToken({ tenantId: TENANT, provider: 'acme' })
    return accessToken
  },

  async none(vault, url) {
    const current = await vault.getAccessToken(TENANT, 'acme')
    if (current !== null && !current.needsRefresh) return current.token
    const refreshToken = await vault.getRefreshToken(TENANT, 'acme')
    if (refreshToken === null) throw new Error('no refresh token')
    const answer = await askProvider(url, refreshToken)
    const expiresAt = new Date(Date.now() + Number(answer.expires_in) * 1000)
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: answer.access_token, expiresAt })
    await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: String(answer.refresh_token) })
    return answer.access_token
  },
}
