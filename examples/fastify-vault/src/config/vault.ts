import { createTokenVault } from '@waxseal/drizzle'
import { tokenVault } from '../schema.ts'
import { database } from './database.ts'
import { envelope } from './envelope.ts'

/** The providers of this app; the compiler and the vault take no other name. */
export const vault = createTokenVault({
  db: database.db,
  table: tokenVault,
  envelope,
  providers: {
    google: {},
    // Issues keys, which nobody can refresh.
    voicenter: {},
  },
})
