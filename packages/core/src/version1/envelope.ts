/** Session items of version 1 through an envelope: its keyring, its cache of data keys, its counters and events. */
import type { Clock } from '../clock.ts'
import { type DataKeys, takeKey } from '../data-keys.ts'
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
  let bytes: Uint8Array | undefined
  try {
    const { bytes: given, owned } = fromBytesOrText(plaintext)
    checkLength(given)
    // The caller may change its bytes while we wait.
    bytes = owned ? given : new Uint8Array(given)
    const { plaintextKey, wrappedKeys } = await calls.generate(version1Scope)
    const { wrapped } = wrappedKeys[0] as WrappedKey
    const sealed = sealItem(takeKey(plaintextKey), wrapped, bytes)
    operation.succeeded(sealed.encryptedData.length)
    return sealed
  } catch (error) {
    operation.failed(error)
    throw error
  } finally {
    bytes?.fill(0)
  }
}

export async function openVersion1({ keys, clock, counters }: Parts, encrypted: EncryptionResult): Promise<Uint8Array> {
  const operation = new Operation('open', version1Scope, clock, counters)
  try {
    const item = parseItem(encrypted)
    // An item names no key: that is for the keyring to find out.
    const wrappedKeys = [{ keyringId: KEYRING.awsKms, kid: '', wrapped: item.wrapped }]
    let key = keys.cachedOpenKey(version1Scope, wrappedKeys)
    if (key === undefined) {
      operation.missed()
      key = await keys.fetchOpenKey(version1Scope, wrappedKeys)
    }
    const bytes = openItem(key, item)
    operation.succeeded(item.data.length)
    return bytes
  } catch (error) {
    operation.failed(error)
    throw error
  }
}
