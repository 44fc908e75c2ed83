import type { GrantRow, ListedRow } from './grant-row.ts'
import type { GrantMetadata } from './provider-profile.ts'
import type { Tokens } from './sealed-tokens.ts'

/**
 * A grant without its tokens. `expiresAt` is when its access token, or its only secret, can be used no more; null: not
 * known to expire. `lastError` holds an OAuth error code and an HTTP status, never the words of a provider.
 */
export type Grant<Provider extends string = string, Metadata extends GrantMetadata = GrantMetadata> = Omit<
  ListedRow,
  'provider' | 'metadata'
> & { readonly provider: Provider; readonly metadata: Metadata }

/** A grant with its tokens; none while it is `REVOKING` or `REVOKED`. */
export type OpenGrant<Provider extends string = string, Metadata extends GrantMetadata = GrantMetadata> = Grant<
  Provider,
  Metadata
> & { readonly tokens: Tokens }

/** The row as callers know it, without the sealed value. */
export function asGrant<SomeGrant extends Grant>({
  encryptedValue: _,
  ...row
}: ListedRow & Partial<GrantRow>): SomeGrant {
  // The compiler knows the app's types of provider and metadata; the row has what was stored under them.
  return row as ListedRow as unknown as SomeGrant
}
