import type { StopSignal } from './deadlines.ts'
import { sessionKey } from './session-id.ts'
import { type Attempt, type ListedContent, type PageTask, SessionListing } from './session-listing.ts'
import type { RowPage } from './session-row.ts'
import type { SessionTable, TablePart } from './session-table.ts'
import type { Version1Parts } from './version1-options.ts'
import type { Version1Reader } from './version1-reader.ts'

/** Lists sessions of both versions while version 1 is accepted; clears them for as long as the option is set. */
export class Version1Listing extends SessionListing {
  readonly #reader: Version1Reader
  readonly #version1: Version1Parts

  constructor(table: SessionTable, reader: Version1Reader, attempt: Attempt, version1: Version1Parts) {
    super(table, reader, attempt)
    this.#reader = reader
    this.#version1 = version1
  }

  protected override list(next: unknown, stop: StopSignal, part: TablePart | undefined): Promise<RowPage> {
    return this.#version1.items.list(next, stop, part)
  }

  protected override openings(page: RowPage, operation: string): PageTask<ListedContent | undefined>[] {
    const items = (page.version1 ?? []).map(({ sessionId: id }) => {
      const key = sessionKey(id)
      return { key, run: (stop: StopSignal) => this.#reader.openItem(key, id, operation, stop) }
    })
    return [...super.openings(page, operation), ...items]
  }

  protected override countLive(page: RowPage): number {
    const items = this.#version1.policy.accepts ? (page.version1 ?? []) : []
    return super.countLive(page) + items.filter((item) => !this.#reader.isItemExpired(item)).length
  }

  protected override keysOf(page: RowPage): string[] {
    return [...super.keysOf(page), ...(page.version1 ?? []).map(({ sessionId }) => sessionId)]
  }
}
