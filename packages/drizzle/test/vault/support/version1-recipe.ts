import { decrypt } from '@waxseal/core/version1'
import type { TokenVaultService } from '@waxseal/drizzle'
import { sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'

type OldToken = {
  tenant_id: string
  provider: 'google' | 'whatsapp' | 'voicenter'
  token_type: 'access_token' | 'refresh_token' | 'api_key' | 'webhook_secret'
  identifier: string | null
  encrypted_value: string
  expires_at: string | null
  is_valid: string
}

/** Moves tokens from a table with a row for each, encrypted with ENCRYPTION_SECRET. Tokens that the vault has already stay. */
export async function moveTokens(db: NodePgDatabase, vault: TokenVaultService<OldToken['provider']>): Promise<void> {
  const { rows } =
    await db.execute<OldToken>(sql`select tenant_id::text, provider, token_type, identifier, encrypted_value,
    to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expires_at, is_valid from old_token_vault`)
  for (const { tenant_id, provider, token_type, identifier, encrypted_value, expires_at, is_valid } of rows) {
    if ((await vault.getToken(tenant_id, provider, token_type, identifier)) !== null) continue
    const value = await decrypt(encrypted_value)
    const expiresAt = expires_at === null ? null : new Date(expires_at)
    const id = await vault.storeToken(tenant_id, provider, token_type, { value, expiresAt, identifier })
    if (is_valid === 'false') await vault.markTokenInvalid(id, 'moved as invalid', { tenantId: tenant_id })
  }
}
