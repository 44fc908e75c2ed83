import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { type Clock, type Envelope, recordKeyIds, WaxsealError } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'
import type { ReportEvent } from './events.ts'
import { isUnreadable } from './sealed-session.ts'
import type { SessionRow } from './session-row.ts'
import type { SessionTable } from './session-table.ts'

/** How long a process goes on with the newest key that it knows, in milliseconds. */
const ASKED_AGAIN = 3_600_000

/** The last instant that a Date can hold. */
const NEVER = 8_640_000_000_000_000

const KEY_BYTES = 32

export interface IndexKeysParts {
  readonly table: SessionTable
  readonly envelope: Envelope
  readonly logicalName: string
  readonly clock: Clock
  readonly report: ReportEvent
}

/**
 * The keys under which the ids of users become the tags of rows. Without one, whoever reads the table could try out user
 * ids. They are sealed like sessions and stand in the table beside them, as `#waxseal/index-key/1`, `/2`, and so on: an
 * insert makes the next one, so that of several processes one makes it and all use it. The newest one counts for
 * writing, all of them for lookups: how long a session under an old one may still live, no process can tell, as the
 * options of the one that made it may have been others.
 */
export class IndexKeys {
  readonly #table: SessionTable
  readonly #envelope: Envelope
  readonly #logicalName: string
  readonly #clock: Clock
  readonly #report: ReportEvent
  /** In the order of their numbers; `undefined` for one that cannot be read. */
  readonly #keys: (KeyObject | undefined)[] = []
  #askedAt = Number.NEGATIVE_INFINITY

  constructor({ table, envelope, logicalName, clock, report }: IndexKeysParts) {
    this.#table = table
    this.#envelope = envelope.with({ purpose: 'session' })
    this.#logicalName = logicalName
    this.#clock = clock
    this.#report = report
  }

  /** The tag for a row that is to be written, over one with the tag `standing` perhaps. */
  async tagFor(user: string, standing: string | undefined, signal: StopSignal): Promise<string> {
    const sinceAsked = this.#clock.now() - this.#askedAt
    const tag = sinceAsked >= 0 && sinceAsked < ASKED_AGAIN ? this.#newestTag(user) : undefined
    if (tag !== undefined && (standing === undefined || standing === tag)) return tag
    // The tag that stands may be of a key that this process has not heard of: a row never goes back to an older key, or
    // a lookup that goes from the oldest key to the newest could miss it.
    await this.#ask(signal)
    return this.#newestTag(user) ?? this.#firstTag(user, signal)
  }

  /** The tags that rows of the user can carry, oldest key first; none where nobody ever had one. */
  async tagsOf(user: string, signal: StopSignal): Promise<string[]> {
    await this.#ask(signal)
    return this.#keys.flatMap((key) => (key === undefined ? [] : this.#tag(key, user)))
  }

  /** Makes the next key. Of calls at the same time one makes it, for all. */
  async rotate(signal: StopSignal): Promise<void> {
    await this.#ask(signal)
    await this.#make(this.#keys.length + 1, signal)
  }

  async #firstTag(user: string, signal: StopSignal): Promise<string> {
    await this.#make(this.#keys.length + 1, signal)
    const tag = this.#newestTag(user)
    if (tag !== undefined) return tag
    throw new WaxsealError('ERR_WAXSEAL_KEY_MISMATCH', 'The index key that another process has made cannot be opened')
  }

  #newestTag(user: string): string | undefined {
    const newest = this.#keys.findLast((key) => key !== undefined)
    return newest && this.#tag(newest, user)
  }

  /** JSON is different for different names and users, whatever characters they hold. */
  #tag(key: KeyObject, user: string): string {
    const text = JSON.stringify(['waxseal/user-tag', this.#logicalName, user])
    return createHmac('sha256', key).update(text).digest('base64url')
  }

  /** Reads the keys that this process has not read yet. */
  async #ask(signal: StopSignal): Promise<void> {
    const now = this.#clock.now()
    for (let number = this.#keys.length + 1; await this.#read(number, signal); number++);
    this.#askedAt = now
  }

  /** Whether there is such a key, be it readable or not. */
  async #read(number: number, signal: StopSignal): Promise<boolean> {
    const name = nameOf(number)
    try {
      const row = await this.#table.get(name, signal)
      if (row === undefined) return false
      // By number: two that read at the same time must not count one key twice.
      this.#keys[number - 1] = await this.#open(row)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.#report('unreadable', 'index-key', name, { code: error.code })
      this.#keys[number - 1] = undefined
    }
    return true
  }

  async #make(number: number, signal: StopSignal): Promise<void> {
    const now = Math.floor(this.#clock.now())
    const content = randomBytes(KEY_BYTES)
    const name = nameOf(number)
    const record = await this.#envelope.seal(content, this.#contextOf(name))
    content.fill(0)
    const row = { key: name, record, expiresAt: NEVER, revision: 1, kid: recordKeyIds(record)[0] ?? '' }
    await this.#table.insert(row, now, signal)
    // Also where another process was first: then its key counts.
    await this.#read(number, signal)
  }

  async #open({ key: name, record }: SessionRow): Promise<KeyObject> {
    const bytes = await this.#envelope.open(record, this.#contextOf(name))
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (content.length !== KEY_BYTES) {
      throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The record opens, but holds no index key')
    }
    const key = createSecretKey(content)
    content.fill(0)
    return key
  }

  #contextOf(key: string) {
    return { purpose: 'session', table: this.#logicalName, key }
  }
}

/** No session has such a key: keys of sessions are hashes. */
function nameOf(number: number): string {
  return `#waxseal/index-key/${number}`
}
