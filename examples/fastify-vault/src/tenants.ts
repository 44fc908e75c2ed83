import { database } from './config/database.ts'
import { tenants } from './schema.ts'

/** A customer of this app. */
export interface Tenant {
  readonly id: string
  readonly name: string
}

/** A real app has these from its sign-up; here everybody who signs in works for both. */
export const allTenants: readonly [Tenant, Tenant] = [
  { id: '0b5c8f5e-52a1-4a53-9e7c-6d1f0f4b7a01', name: 'Corner Bakery' },
  { id: '0b5c8f5e-52a1-4a53-9e7c-6d1f0f4b7a02', name: 'Harbour Garage' },
]

/** Makes the tenants that are not there yet: a grant cannot be stored for one that is not. */
export async function createTenants(): Promise<void> {
  await database.db
    .insert(tenants)
    .values([...allTenants])
    .onConflictDoNothing()
}

/** The tenant of this id, else the first one. */
export function tenantOf(id: string | undefined): Tenant {
  return allTenants.find((tenant) => tenant.id === id) ?? allTenants[0]
}
