import type { KeptGrant } from '../grant-row.ts'
import { isInUse } from '../grants.ts'
import type { Tokens } from '../sealed-tokens.ts'
import type { RefreshSettings } from './refresh-settings.ts'
import { type FreshAccessToken, isUsable } from './standing.ts'

/**
 * The access token of a grant, where it runs for longer than the buffer: what most calls find, and what takes no look at leases
 * and attempts. Undefined: to be judged.
 */
export function freshEnough(
  { row, tokens }: { readonly row: KeptGrant; readonly tokens: Tokens },
  { expiryBufferSeconds }: RefreshSettings,
): FreshAccessToken | undefined {
  const token = tokens.access_token
  if (token === undefined || !isInUse(row) || !isUsable(token, row.readAt + expiryBufferSeconds * 1000))
    return undefined
  return { accessToken: token.value, expiresAt: token.expiresAt, version: row.version, isStale: false }
}
