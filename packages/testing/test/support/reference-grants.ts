import type { GrantUnderTest, OpenGrantUnderTest, SelectorUnderTest } from '../../src/index.ts'
import type { Name, Row, Tokens } from './reference-table.ts'
import { asDate, type Input, isWithdrawn, newToken, ReferenceTokens } from './reference-tokens.ts'

/** Grants as a whole. */
export class ReferenceGrants extends ReferenceTokens {
  async putGrant({
    tokens: { access_token, refresh_token },
    metadata,
    ...selector
  }: SelectorUnderTest & {
    tokens: { access_token: Input; refresh_token?: Input }
    metadata?: object
  }): Promise<GrantUnderTest> {
    const given = {
      access_token: newToken(access_token),
      ...(refresh_token && { refresh_token: newToken(refresh_token) }),
    }
    return this.grant(await this.merge(this.select(selector), given, metadata && { metadata }))
  }

  async getGrant(selector: SelectorUnderTest): Promise<OpenGrantUnderTest | null> {
    const row = await this.table.find(this.select(selector))
    return row === undefined ? null : { ...this.grant(row), tokens: this.open(row) }
  }

  async listGrants({
    tenantId,
    status,
    limit = 100,
    cursor = '',
  }: {
    tenantId?: string
    status?: string
    limit?: number
    cursor?: string
  } = {}): Promise<{ grants: GrantUnderTest[]; cursor?: string }> {
    const isMeant = (row: Row) =>
      row.id > cursor && [undefined, row.tenantId].includes(tenantId) && [undefined, row.status].includes(status)
    const rows = (await this.table.select(isMeant)).sort((one, other) => (one.id < other.id ? -1 : 1)).slice(0, limit)
    const last = rows.length < limit ? undefined : rows.at(-1)?.id
    return { grants: rows.map((row) => this.grant(row)), ...(last !== undefined && { cursor: last }) }
  }

  async countGrants({ tenantId }: { tenantId?: string } = {}): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const row of await this.table.select((row) => [undefined, row.tenantId].includes(tenantId))) {
      counts[row.status] = (counts[row.status] ?? 0) + 1
    }
    return counts
  }

  async setGrantMetadata(selector: SelectorUnderTest, metadata: object): Promise<GrantUnderTest | null> {
    const found = await this.table.find(this.select(selector))
    const row = found && (await this.table.update(found.id, () => true, { metadata }))
    return row === undefined ? null : this.grant(row)
  }

  async revokeGrant(selector: SelectorUnderTest): Promise<GrantUnderTest | null> {
    for (;;) {
      const row = await this.table.find(this.select(selector))
      if (row === undefined || isWithdrawn(row)) return row === undefined ? null : this.grant(row)
      const tokens = this.open(row)
      const erased = { ...this.withdrawal(row), status: 'REVOKED', sealed: null, expiresAt: null }
      const revoked = await this.table.update(row.id, this.isAsRead(row), erased)
      if (revoked === undefined) continue
      await this.revokeAtProvider(tokens)
      return this.grant(revoked)
    }
  }

  async deleteGrant(selector: SelectorUnderTest): Promise<boolean> {
    const row = await this.table.find(this.select(selector))
    return row !== undefined && (await this.table.delete(({ id }) => id === row.id)) > 0
  }

  /** A refresh that is under way brings nothing back. */
  protected withdrawal(row: Row): Partial<Row> {
    return this.newAuthority(row)
  }

  protected async revokeAtProvider({ refresh_token }: Tokens): Promise<void> {
    await this.providers.acme.revoke({ tokens: refresh_token ? { refresh_token } : {} })
  }

  protected select({ tenantId, provider, account }: SelectorUnderTest): Name {
    return this.name(tenantId, provider, account, 'oauth')
  }

  protected grant({ id, tenantId, provider, account, status, expiresAt, metadata, version, lastErrorCode }: Row) {
    return { id, tenantId, provider, account, status, expiresAt: asDate(expiresAt), metadata, version, lastErrorCode }
  }
}
