import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { OpenGrant, ProviderError, ProviderProfile, TokenResponse } from '../../../src/index.ts'

/** With a dot, as Slack's ids have one, and all that comes back different where it is encoded and not decoded. */
export const clientId = '4711.client-0815'
export const clientSecret = 'secret-of_the-client:%+'
export const app = { clientId, clientSecret }
export const refreshToken = 'refresh-token-that-nobody-may-quote'
export const accessToken = 'access-token-that-nobody-may-quote'

const token = (value: string) => ({ value, expiresAt: null, valid: true })
const now = new Date()

/** A grant with both tokens. */
export const grant: OpenGrant = {
  id: '0b0a4bd5-4a1c-4f0c-8d9c-9b1f0e7b7a11',
  tenantId: 't1',
  provider: 'acme',
  account: '',
  kind: 'oauth',
  status: 'ACTIVE',
  expiresAt: null,
  refreshExpiresAt: null,
  scopes: [],
  metadata: {},
  version: 1,
  inDoubtSince: null,
  retryAfter: null,
  failures: 0,
  lastErrorCode: null,
  lastError: null,
  lastUsedAt: null,
  lastRefreshedAt: null,
  createdAt: now,
  updatedAt: now,
  tokens: { access_token: token(accessToken), refresh_token: token(refreshToken) },
}

/** Calls the refresher as the vault does. */
export async function refresh(
  profile: ProviderProfile,
  spent: string = refreshToken,
  signal: AbortSignal = AbortSignal.timeout(5000),
): Promise<TokenResponse> {
  const answer = profile.refresh?.({ refreshToken: spent, grant }, { signal })
  if (answer === undefined) throw new Error('a profile without refresh')
  return answer
}

/** What the refresher rejected with; it must be silent. */
export async function refusal(
  profile: ProviderProfile,
  spent: string = refreshToken,
  signal?: AbortSignal,
): Promise<ProviderError> {
  return silent(refresh(profile, spent, signal))
}

/** Calls the hook as the vault does. */
export async function revoke(profile: ProviderProfile, revoked: OpenGrant = grant): Promise<void> {
  if (profile.revoke === undefined) throw new Error('a profile without revoke')
  await profile.revoke(revoked, { signal: AbortSignal.timeout(5000) })
}

/** What a call rejected with, after looking for tokens and secret in all that can be printed of it. */
export async function silent(call: Promise<unknown>): Promise<ProviderError> {
  const error = await call.then(
    () => expect.fail('the call did not reject'),
    (reason: unknown) => reason,
  )
  const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(error)
  for (const value of [refreshToken, accessToken, clientSecret, 'nobody', 'words of the provider']) {
    expect(shown).not.toContain(value)
    expect(shown).not.toContain(encodeURIComponent(value))
    expect(shown).not.toContain(Buffer.from(value).toString('base64').slice(0, -4))
  }
  return error as ProviderError
}
