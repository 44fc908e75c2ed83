import { WaxsealError } from '@waxseal/core'
import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import { type Item, isOwnIndex, toSafeInteger } from './item.ts'

export function toVersion1Item(record: EncryptedSessionRecord, partitionKey: string): Item {
  const { sessionId, encryptedData, encryptedKey, iv, authTag, ttl, version } = record
  return {
    [partitionKey]: { S: sessionId },
    sessionId: { S: sessionId },
    encryptedData: { S: encryptedData },
    encryptedKey: { S: encryptedKey },
    iv: { S: iv },
    authTag: { S: authTag },
    ttl: { N: String(ttl) },
    version: { N: String(version) },
  }
}

/** Whether the item says that it is one of version 1; a row of version 2 never does, whatever stands in its columns. */
export function isVersion1Item(item: Item): boolean {
  return item.version?.N === '1' && item.record === undefined
}

/** Throws `ERR_WAXSEAL_RECORD_MALFORMED` when a field is missing, not of its type, or names another session. */
export function fromVersion1Item(item: Item, partitionKey: string): EncryptedSessionRecord {
  const id = item[partitionKey]?.S
  // Older code with a partition key of another name need not have repeated the id.
  const sessionId = item.sessionId === undefined ? id : item.sessionId.S
  const encryptedData = item.encryptedData?.S
  const encryptedKey = item.encryptedKey?.S
  const iv = item.iv?.S
  const authTag = item.authTag?.S
  const ttl = toSafeInteger(item.ttl)
  if (
    id === undefined ||
    sessionId !== id ||
    encryptedData === undefined ||
    encryptedKey === undefined ||
    iv === undefined ||
    authTag === undefined ||
    ttl === undefined ||
    !isVersion1Item(item)
  ) {
    throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The item is not a version-1 session item')
  }
  return { sessionId, encryptedData, encryptedKey, iv, authTag, ttl, version: 1 }
}

/** Those of version 1 among the items of a page, without any that cannot be a session. */
export function itemsOf(items: readonly Item[], partitionKey: string): EncryptedSessionRecord[] {
  return items.flatMap((item) => {
    if (!isVersion1Item(item) || isOwnIndex(item, partitionKey)) return []
    try {
      return [fromVersion1Item(item, partitionKey)]
    } catch {
      return []
    }
  })
}
