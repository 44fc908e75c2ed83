import './environment.ts'
import { createEnvelope, type Envelope, passphraseKeyring } from '@waxseal/core'

/** Seals sessions and grants. With `awsKmsKeyring` in place of the passphrase, the key would never leave AWS KMS. */
export const envelope: Envelope = createEnvelope({
  keyring: passphraseKeyring({ passphrase: process.env.ENCRYPTION_SECRET, kid: 'fastify-vault-1' }),
  encryptionContext: { app: 'fastify-vault' },
})
