import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { WaxsealError, WaxsealTypeError } from '@waxseal/core'
import type { SessionRow } from '@waxseal/session'

/** A DynamoDB item in the wire form of the low-level client. */
export type Item = Record<string, AttributeValue>

/** Version of the item's layout; the record inside has a version of its own. */
const ITEM_VERSION = 2

/** DynamoDB's limit for an item: names and values together. */
export const MAX_ITEM_BYTES = 409_600

// 43 characters of key and of the user's tag, up to 64 of kid, 21 bytes for each of four numbers, and the attribute names, rounded up.
const OTHER_ATTRIBUTES_BYTES = 512

const ownAttributes: ReadonlySet<string> = new Set([
  ...['record', 'ttl', 'expiresAt', 'version', 'revision', 'kid', 'userTag'],
  // Of the index of a user.
  ...['entries', 'leaving'],
  // Of items of version 1.
  ...['encryptedData', 'encryptedKey', 'iv', 'authTag'],
])

/** Throws `ERR_WAXSEAL_ARGUMENT`: a key of such a name would be overwritten, and all sessions would share a row. */
export function checkPartitionKey(name: unknown): void {
  if (typeof name === 'string' && name !== '' && !ownAttributes.has(name)) return
  const message = `partitionKey must be a name, and none of ${[...ownAttributes].join(', ')}`
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}

/** The largest record for which the whole item stays below DynamoDB's limit. */
export function maxRecordBytes(partitionKey: string): number {
  return MAX_ITEM_BYTES - OTHER_ATTRIBUTES_BYTES - Buffer.byteLength(partitionKey)
}

export function toItem(row: SessionRow, partitionKey: string): Item {
  return {
    [partitionKey]: { S: row.key },
    record: { B: row.record },
    ttl: { N: String(toTtl(row.expiresAt)) },
    expiresAt: { N: String(row.expiresAt) },
    version: { N: String(ITEM_VERSION) },
    revision: { N: String(row.revision) },
    kid: { S: row.kid },
    ...(row.userTag !== undefined && { userTag: { S: row.userTag } }),
  }
}

/** Whole seconds, never before the expiry itself: DynamoDB must not delete a row that is still alive. */
export function toTtl(expiresAt: number): number {
  return Math.ceil(expiresAt / 1000)
}

/** Throws `ERR_WAXSEAL_RECORD_MALFORMED` for an item of another layout: whoever can write the table can write anything. */
export function fromItem(item: Item, partitionKey: string): SessionRow {
  const key = item[partitionKey]?.S
  const record = item.record?.B
  const expiresAt = toSafeInteger(item.expiresAt)
  const revision = toSafeInteger(item.revision)
  const kid = item.kid?.S
  const userTag = item.userTag?.S
  if (
    key === undefined ||
    record === undefined ||
    expiresAt === undefined ||
    revision === undefined ||
    kid === undefined ||
    (item.userTag !== undefined && userTag === undefined) ||
    item.version?.N !== String(ITEM_VERSION)
  ) {
    throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The item is not a version-2 session item')
  }
  return { key, record, expiresAt, revision, kid, ...(userTag !== undefined && { userTag }) }
}

/** The session rows among the items of a page: without items of the app's own, and without those of our index. */
export function rowsOf(items: readonly Item[], partitionKey: string): SessionRow[] {
  return items.flatMap((item) => {
    if (item.record === undefined || isOwnIndex(item, partitionKey)) return []
    try {
      return [fromItem(item, partitionKey)]
    } catch {
      return []
    }
  })
}

/** Keys with `#` in front are kept for items that are no sessions; no hash begins so. */
export function isOwnIndex(item: Item, partitionKey: string): boolean {
  return item[partitionKey]?.S?.startsWith('#') === true
}

export function toSafeInteger(attribute: AttributeValue | undefined): number | undefined {
  const value = attribute?.N === undefined ? Number.NaN : Number(attribute.N)
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
