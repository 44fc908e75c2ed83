import type { StopSignal } from './deadlines.ts'
import {
  isChosen,
  type RowChoice,
  type RowPage,
  type RowVersion,
  type SessionRow,
  type WriteOutcome,
} from './session-row.ts'
import type { SessionTable, TablePart } from './session-table.ts'

/** A table in this process's memory, for tests and for trying things out: gone with the process, shared with no other. */
export class MemoryTable implements SessionTable {
  readonly maxRecordBytes: number = 1_000_000
  readonly #rows = new Map<string, SessionRow>()

  async get(key: string): Promise<SessionRow | undefined> {
    return this.#rows.get(key)
  }

  async insert(row: SessionRow, now: number): Promise<WriteOutcome> {
    const current = this.#rows.get(row.key)
    if (current !== undefined && current.expiresAt > now) return { written: false, current }
    this.#rows.set(row.key, row)
    return { written: true }
  }

  async update(row: SessionRow, over: RowVersion, now: number): Promise<WriteOutcome> {
    const current = this.#rows.get(row.key)
    if (current === undefined) return { written: false }
    if (current.revision !== over.revision || current.expiresAt <= now) return { written: false, current }
    this.#rows.set(row.key, row)
    return { written: true }
  }

  async extend(key: string, expiresAt: number, over: RowVersion, now: number): Promise<boolean> {
    const current = this.#rows.get(key)
    if (current === undefined || current.revision !== over.revision) return false
    if (current.expiresAt <= now || current.expiresAt >= expiresAt) return false
    this.#rows.set(key, { ...current, expiresAt })
    return true
  }

  async delete(key: string): Promise<void> {
    this.#rows.delete(key)
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#rows.delete(key)
  }

  async list(_page?: unknown, _signal?: StopSignal, part?: TablePart): Promise<RowPage> {
    return { rows: part === undefined || part.index === 0 ? this.#sessions() : [] }
  }

  async listUser(userTag: string, _page?: unknown, _signal?: StopSignal): Promise<RowPage> {
    return { rows: this.#sessions().filter((row) => row.userTag === userTag) }
  }

  async deleteUser(userTag: string, which: RowChoice, now: number): Promise<number> {
    const rows = this.#sessions().filter((row) => row.userTag === userTag && isChosen(row.key, which))
    for (const { key } of rows) this.#rows.delete(key)
    return rows.filter(({ expiresAt }) => expiresAt > now).length
  }

  /** Keys with `#` in front are kept for rows that are no sessions. */
  #sessions(): SessionRow[] {
    return [...this.#rows.values()].filter(({ key }) => !key.startsWith('#'))
  }
}
