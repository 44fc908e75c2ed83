import { vault } from './config/vault.ts'
import { providerCalls } from './provider-calls.ts'

const CALLS = 50

type Selector = Parameters<typeof vault.getFreshAccessToken>[0]

/** What came of it: calls, how many were refused at first, how many succeeded, how often the provider was asked. */
export interface Burst {
  readonly calls: number
  readonly refused: number
  readonly succeeded: number
  readonly providerCalls: number
}

/**
 * Fifty calls at once of an API that takes the grant's access token no more, though by its expiry it still runs: as after a
 * change of password at the provider.
 */
export async function burst(selector: Selector, api: string): Promise<Burst> {
  const { accessToken } = await vault.getFreshAccessToken(selector)
  await callApi(api, accessToken, 'DELETE')
  const before = providerCalls.refreshes
  const calls = await Promise.all(Array.from({ length: CALLS }, () => callWithRetry(selector, api)))
  return {
    calls: CALLS,
    refused: calls.filter(({ wasRefused }) => wasRefused).length,
    succeeded: calls.filter(({ status }) => status === 200).length,
    providerCalls: providerCalls.refreshes - before,
  }
}

/** How every call of a provider's API looks: once more with a newer token when the first one was refused. */
async function callWithRetry(selector: Selector, api: string): Promise<{ status: number; wasRefused: boolean }> {
  const token = await vault.getFreshAccessToken(selector)
  const status = await callApi(api, token.accessToken)
  if (status !== 401) return { status, wasRefused: false }
  const newer = await vault.reportUnauthorized(selector, token.version)
  return { status: await callApi(api, newer.accessToken), wasRefused: true }
}

async function callApi(api: string, accessToken: string, method = 'GET'): Promise<number> {
  const headers = { authorization: `Bearer ${accessToken}` }
  const response = await fetch(api, { method, headers, signal: AbortSignal.timeout(10_000) })
  await response.body?.cancel()
  return response.status
}
