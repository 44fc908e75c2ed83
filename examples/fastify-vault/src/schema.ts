import { createTokenVaultTable } from '@waxseal/drizzle'
import { pgSessionTable } from '@waxseal/drizzle/session'
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'

/** Whose grants they are: the app's customers. */
export const tenants = pgTable('tenants', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
})

/** OAuth grants and API keys, sealed; they go when their tenant goes. */
export const tokenVault = createTokenVaultTable({
  tenantId: uuid('tenant_id')
    .notNull()
    .references(() => tenants.id, { onDelete: 'cascade' }),
})

/** Who is signed in, sealed under the same keys. */
export const sessions = pgSessionTable()
