export type { PostgresDatabase } from '../database.ts'
export type { GrantKind, GrantStatus, TokenType } from './grant.ts'
export type { TokenInputs } from './grant-input.ts'
export { migrateTokenVault } from './migrate.ts'
export type { Grant, OpenGrant } from './open-grant.ts'
export {
  createTokenVaultOutbox,
  type GrantEvent,
  type TokenVaultOutbox,
  type TokenVaultOutboxOf,
  type TokenVaultOutboxOptions,
} from './outbox/outbox-table.ts'
export { ProviderError } from './provider-error.ts'
export type {
  GrantMetadata,
  ProviderProfile,
  ProviderProfiles,
  RefreshRequest,
  TokenResponse,
} from './provider-profile.ts'
export type { OnPersistFailure, SavedGrant } from './refresh/saved-grant.ts'
export type { FreshAccessToken } from './refresh/standing.ts'
export type { SweepCounts, SweepOptions } from './refresh/sweep.ts'
export type { RotationOptions, RotationProgress } from './rotation/rotation.ts'
export { createTokenVaultTable, type TokenVaultTable, type TokenVaultTableOf, tokenVault } from './schema.ts'
export type { Token, TokenInput, Tokens } from './sealed-tokens.ts'
export { tokenVaultSql } from './table-sql.ts'
export {
  createTokenVault,
  type GrantFilter,
  type GrantInput,
  type GrantPage,
  type GrantQuery,
  type OAuthSelector,
  type PruneOutboxOptions,
  type TokenVault,
  type WaitOptions,
} from './token-vault.ts'
export { type DecryptedToken, type IdOptions, type TokenInfo, TokenVaultService } from './token-vault-service.ts'
export type { RefreshOutcome, VaultEvent } from './vault-events.ts'
export type { GrantSelector, TokenVaultOptions } from './vault-parts.ts'
export { type TransactionOf, withTenant } from './with-tenant.ts'
