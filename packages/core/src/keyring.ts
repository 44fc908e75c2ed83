/** Coarse names of what a key is for (app, purpose, tenant). Sent to the key service; visible in its audit log. */
export type EncryptionContext = Readonly<Record<string, string>>

/** A data key wrapped by one key-encryption key, as it stands in a record's header. */
export interface WrappedKey {
  /** Which kind of keyring wrapped it: 1 aws-kms, 2 local, 3 passphrase, 4 key table. */
  readonly keyringId: number
  /** Names the key-encryption key; 1 to 64 characters of printable ASCII without spaces; public. */
  readonly kid: string
  readonly wrapped: Uint8Array
}

/** A fresh 32-byte data key. The caller overwrites `plaintextKey` with zeros as soon as it holds a KeyObject. */
export interface GeneratedDataKey {
  readonly plaintextKey: Uint8Array
  /** 1 to 8 wrappings of that same key. */
  readonly wrappedKeys: readonly WrappedKey[]
}

/**
 * The port to a key service: generate a data key, unwrap one. Implementations hold no cache; the envelope caches above.
 *
 * Errors to throw: `ERR_WAXSEAL_KEY_DENIED` when a *configured* key is not ours to use, `ERR_WAXSEAL_KEY_UNAVAILABLE`
 * (retryable) when the service cannot be asked, `ERR_WAXSEAL_KEY_MISMATCH` when none of the wrapped keys names a key of
 * this keyring, `ERR_WAXSEAL_INTEGRITY` when one does and its bytes do not unwrap.
 */
export interface Keyring {
  generateDataKey(encryptionContext: EncryptionContext): Promise<GeneratedDataKey>
  /** Returns the 32 plaintext bytes; the caller overwrites them. */
  unwrapDataKey(wrappedKeys: readonly WrappedKey[], encryptionContext: EncryptionContext): Promise<Uint8Array>
}
