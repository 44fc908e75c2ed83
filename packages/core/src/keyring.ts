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
  /** 1 to 8 wrappings of that same key, the one that vouches for it first. */
  readonly wrappedKeys: readonly WrappedKey[]
}

/** A 32-byte data key that was unwrapped. The caller overwrites `plaintextKey` with zeros. */
export interface UnwrappedDataKey {
  readonly plaintextKey: Uint8Array
  /**
   * The one of the wrapped keys that opened, under the kid that the keyring itself has for its key: while that stays ours,
   * the data key may be used.
   */
  readonly wrappedKey: WrappedKey
}

/**
 * The port to a key service: generate a data key, wrap one, unwrap one. Implementations hold no cache; the envelope
 * caches above. Whether a key-encryption key is still ours to use is asked by unwrapping again.
 *
 * Errors to throw: `ERR_WAXSEAL_KEY_DENIED` when a *configured* key is not ours to use, upon which every data key under
 * it is dropped; `ERR_WAXSEAL_KEY_UNAVAILABLE` (retryable) when the service cannot be asked; `ERR_WAXSEAL_KEY_MISMATCH`
 * when none of the wrapped keys names a key of this keyring; `ERR_WAXSEAL_INTEGRITY` when one does and its bytes do not
 * unwrap.
 */
export interface Keyring {
  generateDataKey(encryptionContext: EncryptionContext): Promise<GeneratedDataKey>
  /** Wraps a data key that exists already, under each key that a new one would be wrapped under, in that order. */
  wrapDataKey(plaintextKey: Uint8Array, encryptionContext: EncryptionContext): Promise<readonly WrappedKey[]>
  /** Tries those of its own keys that are named, in the order of its configuration, each at most once. */
  unwrapDataKey(wrappedKeys: readonly WrappedKey[], encryptionContext: EncryptionContext): Promise<UnwrappedDataKey>
  /**
   * Wraps a data key anew without its plaintext ever leaving the key service. Absent, or `undefined` as the outcome,
   * where the service cannot do that; the caller then unwraps and wraps.
   */
  rewrapDataKey?(
    wrappedKeys: readonly WrappedKey[],
    encryptionContext: EncryptionContext,
  ): Promise<readonly WrappedKey[] | undefined>
  /** The data keys of version 1, which carry neither the name of a key nor an encryption context. Only AWS KMS has them. */
  readonly version1?: Version1DataKeys
}

/** See {@link Keyring.version1}. The same errors as those of a {@link Keyring}. */
export interface Version1DataKeys {
  /** With one wrapped key. */
  generateDataKey(): Promise<GeneratedDataKey>
  unwrapDataKey(wrapped: Uint8Array): Promise<UnwrappedDataKey>
}
