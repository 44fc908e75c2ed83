import { createTokenVault } from '@waxseal/drizzle'
import { oauthProvider } from '@waxseal/drizzle/providers'
import { counted } from '../provider-calls.ts'
import { tokenVault } from '../schema.ts'
import { database } from './database.ts'
import { envelope } from './envelope.ts'

const { OIDC_ISSUER = '', GOOGLE_CLIENT_ID = '', GOOGLE_CLIENT_SECRET = '' } = process.env

const google = oauthProvider({
  issuer: OIDC_ISSUER,
  clientId: GOOGLE_CLIENT_ID,
  clientSecret: GOOGLE_CLIENT_SECRET,
  // Tokens of the local provider run 3 minutes. Google's run an hour, and the default of 5 minutes would do.
  expiryBufferSeconds: 40,
})

/** The providers of this app; the compiler and the vault take no other name. */
export const vault = createTokenVault({
  db: database.db,
  table: tokenVault,
  envelope,
  providers: {
    google: counted(google),
    // Issues keys, which nobody can refresh.
    voicenter: {},
  },
})
