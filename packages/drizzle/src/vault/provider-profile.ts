import type { OpenGrant } from './open-grant.ts'

/** The app's own part of a grant, in the clear: not secret, and whoever can write the table can write it. */
export type GrantMetadata = Readonly<Record<string, unknown>>

/**
 * What the vault knows of one provider; `{}` will do.
 *
 * @typeParam Metadata what the metadata of its grants is; checked by the compiler alone
 */
export interface ProviderProfile<Metadata extends GrantMetadata = GrantMetadata> {
  /**
   * Tells the provider that a grant is revoked, before its tokens are erased; may be called more than once for the same
   * tokens. A rejection, or no end within 10 seconds, leaves the grant `REVOKING`. Without it, tokens are only erased.
   *
   * @param options.signal aborts when the time is over
   */
  revoke?(grant: OpenGrant<string, Metadata>, options: { readonly signal: AbortSignal }): Promise<void>
}

/** Profiles by the names of the app's providers. */
export type ProviderProfiles = Readonly<Record<string, ProviderProfile>>

/** The names of an app's providers. */
export type ProviderName<Profiles extends ProviderProfiles> = keyof Profiles & string

/** The metadata of the grants of one provider. */
export type MetadataOf<Profile> =
  Profile extends ProviderProfile<infer Metadata extends GrantMetadata> ? Metadata : GrantMetadata
