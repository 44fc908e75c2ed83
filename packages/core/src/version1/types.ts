/** A plaintext under a data key of its own, as version 1 stored it: AES-256-GCM, every field in base64. */
export interface EncryptionResult {
  /** The ciphertext, as long as the plaintext. */
  readonly encryptedData: string
  /** The data key as AWS KMS wrapped it, without encryption context. */
  readonly encryptedKey: string
  /** 12 bytes. */
  readonly iv: string
  /** 16 bytes. */
  readonly authTag: string
}

/** A session item of version 1. */
export interface EncryptedSessionRecord extends EncryptionResult {
  /** The session id as it is, and the table's partition key. */
  readonly sessionId: string
  /** When the session expires, in whole seconds since the epoch. */
  readonly ttl: number
  readonly version: 1
}
