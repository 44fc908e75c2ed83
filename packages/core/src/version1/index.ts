export { checkEncryptionSecret, generateEncryptionSecret, type SecretOptions } from './secret.ts'
export { type DecryptOptions, decrypt, type EncryptOptions, encrypt } from './text.ts'
export type { EncryptedSessionRecord, EncryptionResult } from './types.ts'
