/** What two apps have in their Drizzle schemas, for drizzle-kit: the vault and its outbox as they are, and with everything changed. */
import { boolean, pgSchema, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createTokenVaultOutbox } from '../../../src/vault/outbox/outbox-table.ts'
import { createTokenVaultTable, tokenVault } from '../../../src/vault/schema.ts'

export { tokenVault }

export const tenants = pgTable('tenants', { id: uuid('id').primaryKey() })

export const customers = pgSchema('customers')

export const customersVault = createTokenVaultTable({
  name: 'tokens',
  schema: 'customers',
  tenantId: uuid('tenant_id')
    .notNull()
    .references(() => tenants.id, { onDelete: 'cascade' }),
  rls: { systemRole: 'vault_kit_system' },
  extraColumns: { note: text('note').default("it's theirs"), pinned: boolean('pinned').notNull().default(false) },
})

export const outbox = createTokenVaultOutbox()

export const customersOutbox = createTokenVaultOutbox({
  name: 'events',
  schema: 'customers',
  tenantId: uuid('tenant_id').notNull(),
  rls: { systemRole: 'vault_kit_system' },
})
