/** Session items of version 1 through an envelope: its keyring, its cache of data keys, its counters and events. */
import type { Clock } from '../clock.ts'
import { type DataKeys, openKeyId, takeKey } from '../data-keys.ts'
import type { WrappedKey } from '../keyring.ts'
import type { KeyringCalls } from '../keyring-calls.ts'
import { Operation } from '../operation.ts'
import { fromBytesOrText } from '../plaintext.ts'
import { KEYRING } from '../record.ts'
import { version1Scope } from '../scope.ts'
import type { Counters } from '../stats.ts'
import { checkLength, openItem, parseItem, sealItem } from './item.ts'
import type { EncryptionResult } from './types.ts'

interface Parts {
  readonly keys: DataKeys
  readonly calls: KeyringCalls
  readonly clock: Clock
  readonly counters: Counters
}

export async function sealVersion1(
  { calls, clock, counters }: Parts,
  plaintext: Uint8Array | string,
): Promise<EncryptionResult> {
  const operation = new Operation('seal', version1Scope, clock, counters)
  operation.missed()
  try {
    const { bytes: given, owned } = fromBytesOrText(plaintext)
    checkLength(given)
    // The caller may change its bytes while we wait.
    const bytes = owned ? given : new Uint8Array(given)
    const { plaintextKey, wrappedKeys } = await calls.generate(version1Scope)
    const { wrapped } = wrappedKeys[0] as WrappedKey
    const sealed = sealItem(takeKey(plaintextKey), wrapped, bytes)
    bytes.fill(0)
    operation.succeeded(sealed.encryptedData.length)
    return sealed
  } catch (error) {
    operation.failed(error)
    throw error
  }
}

export async function openVersion1({ keys, clock, counters }: Parts, encrypted: EncryptionResult): Promise<Uint8Array> {
  const operation = new Operation('open', version1Scope, clock, counters)
  try {
    const item = parseItem(encrypted)
    const id = openKeyId(version1Scope, item.wrapped)
    let key = keys.cachedOpenKey(id)
    if (key === undefined) {
      operation.missed()
      // An item names no key: that is for the keyring to find out.
      key = await keys.fetchOpenKey(id, version1Scope, [{ keyringId: KEYRING.awsKms, kid: '', wrapped: item.wrapped }])
    }
    const bytes = openItem(key, item)
    operation.succeeded(item.data.length)
    return bytes
  } catch (error) {
    operation.failed(error)
    throw error
  }
}
