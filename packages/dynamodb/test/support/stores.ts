import { createEnvelope, type Envelope, generateKey, localKeyring } from '@waxseal/core'

export const envelope: Envelope = createEnvelope({
  keyring: localKeyring(generateKey()),
  encryptionContext: { app: 'test' },
})
