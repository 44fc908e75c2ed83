import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { WaxsealError } from '@waxseal/core'
import { isChosen, type RowChoice, type SessionRow, type StopSignal, type WriteOutcome } from '@waxseal/session'
import { withoutExchange } from './errors.ts'
import { type Item, toSafeInteger, toTtl } from './item.ts'
import { sideBySide } from './side-by-side.ts'
import { number, type TableConnection } from './table-connection.ts'
import { type IndexEntry, readEntries, writeEntry } from './user-index-entry.ts'

/**
 * How long a write may be under way, in milliseconds, also where clocks are ten minutes apart: the entry of a younger one
 * is not forgotten.
 */
const UNDER_WAY = 900_000

/** From how many entries on an index is pruned. */
const PRUNED_FROM = 20

/** Entries that one pruning looks at. */
const PRUNED_AT_ONCE = 100

/** For taking a row back and for pruning, in milliseconds: the caller's time may be over. */
const OWN_TIME = 2000

/** Rows that are looked at before the next ones are. */
const READ_AT_ONCE = 25

/** The last instant that a Date can hold. */
const NEVER = 8_640_000_000_000_000

/** How the rows are read. */
type ItemReads = Pick<TableConnection, 'get'>

/** What an index item holds. */
interface Entries {
  readonly standing: readonly string[]
  readonly leaving: readonly string[]
}

/**
 * Which rows are whose: for each user tag an item `#waxseal/user/<tag>` with the set of their keys. A global secondary
 * index would lag behind, and a sign-out of all sessions miss the login of a moment ago.
 *
 * **What holds**: for every row that carries a tag there is an entry, from before it is put until no put of it can be
 * under way any more and it is gone. Entries without a row do no harm. The order of the calls keeps it, whichever of
 * them is the last one that a process makes:
 *
 * - A write that makes a row the user's adds its entry to `entries`, puts the row, and then looks whether the entry still
 *   stands there. If not, a removal has begun in between and may have missed the row: the writer removes it itself, and
 *   so it does where it cannot look.
 * - A removal first moves the entries, in one call, from `entries` to `leaving`, then removes the rows. A write that puts
 *   its row after the row's turn finds its entry moved; the row of one that puts it before is removed. Of a removal that
 *   stops half-way, and of a write that stops after its put, the entry is in `leaving`, where the next removal finds it.
 * - Only pruning takes entries out: those that are old, and whose row is gone or has become another user's.
 */
export class UserIndex {
  readonly #connection: TableConnection
  readonly #reads: ItemReads

  /** `reads`: gives the rows, together where the role may. */
  constructor(connection: TableConnection, reads: ItemReads) {
    this.#connection = connection
    this.#reads = reads
  }

  /** Puts, by `put`, a row that was not the user's before. */
  async write(
    row: SessionRow,
    userTag: string,
    now: number,
    signal: StopSignal,
    put: () => Promise<WriteOutcome>,
  ): Promise<WriteOutcome> {
    const entry = writeEntry(row.key, now)
    await this.#addOrPrune(entry, userTag, row.absoluteExpiresAt ?? NEVER, now, signal)
    const outcome = await put()
    // Also where what stands in the way is our own: an answer was lost, and the client repeated the put.
    const { current } = outcome
    const isStored = outcome.written || (current !== undefined && Buffer.compare(current.record, row.record) === 0)
    if (!isStored) return outcome
    let stays = false
    try {
      const entries = await this.#read(userTag, signal)
      // Nobody waits for it, and nothing fails by it: the next login prunes again.
      if (entries.standing.length + entries.leaving.length > PRUNED_FROM) {
        inOwnTime((own) => this.#prune(userTag, entries, now, own)).catch(() => {})
      }
      stays = entries.standing.includes(entry)
    } finally {
      // Also where the look fails: a removal may have begun. By the tag, not the record: a request that read the row
      // meanwhile may have written on top of it.
      if (!stays) await inOwnTime((own) => this.#removeRow(row.key, userTag, own))
    }
    return stays ? outcome : { written: false, signedOut: true }
  }

  /** The keys of the user's rows, and perhaps of some that have gone or are another user's. */
  async keys(userTag: string, signal: StopSignal): Promise<string[]> {
    const { standing, leaving } = await this.#read(userTag, signal)
    return keysIn([...readEntries(standing), ...readEntries(leaving)])
  }

  /** The items under the keys. */
  async items(keys: readonly string[], signal: StopSignal): Promise<Item[]> {
    const found: Item[] = []
    const read = async (key: string, laneSignal: StopSignal) => {
      const item = await this.#reads.get(key, laneSignal)
      if (item !== undefined) found.push(item)
    }
    await sideBySide(keys, signal, read, READ_AT_ONCE)
    return found
  }

  /** Removes the chosen rows of the user; returns how many were alive at `now`. One that is stopped has removed some. */
  async remove(userTag: string, which: RowChoice, now: number, signal: StopSignal): Promise<number> {
    const { standing, leaving } = await this.#read(userTag, signal)
    const ending = readEntries(standing).filter(({ key }) => isChosen(key, which))
    if (ending.length > 0) await this.#change(userTag, 'DELETE #entries :some ADD #leaving :some', ending, signal)
    let alive = 0
    const end = async (key: string, laneSignal: StopSignal) => {
      const expiresAt = await this.#removeRow(key, userTag, laneSignal)
      if (expiresAt !== undefined && expiresAt > now) alive += 1
    }
    const moved = new Set(keysIn(ending))
    await sideBySide([...moved], signal, end)
    // What has been leaving for longer is mostly gone: to look is cheaper than to remove. What is found goes at once, so
    // that each of several calls which run out of time comes further.
    const left = keysIn(readEntries(leaving)).filter((key) => isChosen(key, which) && !moved.has(key))
    await sideBySide(inPortions(left, READ_AT_ONCE), signal, async (keys, laneSignal) => {
      const there = this.#ofUser(await this.items(keys, laneSignal), userTag)
      for (const key of there) await end(key, laneSignal)
    })
    return alive
  }

  async #read(userTag: string, signal: StopSignal): Promise<Entries> {
    const { entries, leaving } = (await this.#connection.get(keyOf(userTag), signal)) ?? {}
    return { standing: entries?.SS ?? [], leaving: leaving?.SS ?? [] }
  }

  /** An item that is full gets room where rows have gone. */
  async #addOrPrune(entry: string, userTag: string, until: number, now: number, signal: StopSignal): Promise<void> {
    try {
      await this.#add(entry, userTag, until, signal)
    } catch (error) {
      if (!isFull(error)) throw error
      await this.#prune(userTag, await this.#read(userTag, signal), now, signal)
      await this.#add(entry, userTag, until, signal).catch((again: unknown) => {
        throw isFull(again) ? full(again) : again
      })
    }
  }

  /** `until`: when the item may go at the soonest, in milliseconds since the epoch. */
  async #add(entry: string, userTag: string, until: number, signal: StopSignal): Promise<void> {
    const entries = { ':entry': { SS: [entry] } }
    try {
      await this.#update(userTag, signal, {
        UpdateExpression: 'ADD #entries :entry SET #ttl = :ttl',
        ConditionExpression: 'attribute_not_exists(#ttl) OR #ttl <= :ttl',
        ExpressionAttributeNames: { '#entries': 'entries', '#ttl': 'ttl' },
        ExpressionAttributeValues: { ...entries, ':ttl': number(toTtl(until)) },
      })
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
      // Another session of the user lives longer.
      await this.#update(userTag, signal, {
        UpdateExpression: 'ADD #entries :entry',
        ExpressionAttributeNames: { '#entries': 'entries' },
        ExpressionAttributeValues: entries,
      })
    }
  }

  #change(userTag: string, expression: string, some: readonly IndexEntry[], signal: StopSignal): Promise<void> {
    return this.#update(userTag, signal, {
      UpdateExpression: expression,
      ExpressionAttributeNames: { '#entries': 'entries', '#leaving': 'leaving' },
      ExpressionAttributeValues: { ':some': { SS: some.map(({ text }) => text) } },
    })
  }

  async #update(
    userTag: string,
    signal: StopSignal,
    update: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<void> {
    const { client, tableName } = this.#connection
    const Key = this.#connection.key(keyOf(userTag))
    await client.send(new UpdateItemCommand({ TableName: tableName, Key, ...update }), { abortSignal: signal })
  }

  /** The expiry of the row that it removed, in milliseconds since the epoch. */
  async #removeRow(key: string, userTag: string, signal: StopSignal): Promise<number | undefined> {
    const { client, tableName } = this.#connection
    const command = new DeleteItemCommand({
      TableName: tableName,
      Key: this.#connection.key(key),
      // The session may have become another user's.
      ConditionExpression: 'userTag = :tag',
      ExpressionAttributeValues: { ':tag': { S: userTag } },
      ReturnValues: 'ALL_OLD',
    })
    try {
      const { Attributes } = await client.send(command, { abortSignal: signal })
      return toSafeInteger(Attributes?.expiresAt)
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined
      throw error
    }
  }

  async #prune(userTag: string, { standing, leaving }: Entries, now: number, signal: StopSignal): Promise<void> {
    const isOld = ({ addedAt }: IndexEntry) => addedAt < now - UNDER_WAY
    const oldLeaving = readEntries(leaving).filter(isOld)
    // The rows of those that are leaving are mostly gone: many of them alone make room at once.
    const isEnough = oldLeaving.length >= PRUNED_AT_ONCE
    const old = isEnough ? oldLeaving : [...oldLeaving, ...readEntries(standing).filter(isOld)]
    // Anywhere among them: the oldest may all be alive.
    const start = Math.floor(Math.random() * (Math.max(0, old.length - PRUNED_AT_ONCE) + 1))
    const some = old.slice(start, start + PRUNED_AT_ONCE)
    const items = await this.items(keysIn(some), signal)
    // A process whose clock is behind may still postpone the end of a row that has just expired.
    const left = this.#ofUser(
      items.filter(({ expiresAt }) => !((toSafeInteger(expiresAt) ?? now) < now - UNDER_WAY)),
      userTag,
    )
    const gone = some.filter(({ key }) => !left.has(key))
    if (gone.length === 0) return
    await this.#change(userTag, 'DELETE #entries :some, #leaving :some', gone, signal)
  }

  #ofUser(items: readonly Item[], userTag: string): Set<string> {
    const rows = items.filter((item) => item.userTag?.S === userTag)
    return new Set(rows.flatMap((item) => item[this.#connection.partitionKey]?.S ?? []))
  }
}

/** No session has such a key: keys of sessions are hashes. */
function keyOf(userTag: string): string {
  return `#waxseal/user/${userTag}`
}

function keysIn(entries: readonly IndexEntry[]): string[] {
  return [...new Set(entries.map(({ key }) => key))]
}

async function inOwnTime(task: (signal: StopSignal) => Promise<unknown>): Promise<void> {
  const signal = { aborted: false, onabort: null as StopSignal['onabort'] }
  const timer = setTimeout(() => {
    signal.aborted = true
    signal.onabort?.()
  }, OWN_TIME)
  try {
    await task(signal)
  } finally {
    clearTimeout(timer)
  }
}

function inPortions<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === 'ValidationException' && /item size/i.test(error.message)
}

function full(cause: unknown): WaxsealError {
  const message =
    'The index of this user is full: DynamoDB holds some 6,000 sessions of one user. End some with destroyAllOf()'
  return new WaxsealError('ERR_WAXSEAL_SESSION_TOO_LARGE', message, { cause: withoutExchange(cause) })
}
