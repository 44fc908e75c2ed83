import { randomBytes } from 'node:crypto'

export interface Row {
  readonly key: string
  readonly record: Uint8Array
  readonly expiresAt: number
  readonly revision: number
  readonly kid: string
  readonly userTag?: string | undefined
  readonly absoluteExpiresAt?: number | undefined
}

export interface Signal {
  readonly aborted: boolean
  onabort: (() => void) | null
}

export interface Outcome {
  readonly written: boolean
  readonly current?: Row | undefined
  readonly signedOut?: boolean
}

export interface Page {
  readonly rows: readonly Row[]
  readonly next?: unknown
}

export type Choice = { readonly except: readonly string[] } | { readonly only: readonly string[] }

/** The shape of `SessionTable` of `@waxseal/session`, repeated here because this package imports none of ours. */
export interface TableUnderTest {
  get(key: string, signal: Signal): Promise<Row | undefined>
  insert(row: Row, now: number, signal: Signal): Promise<Outcome>
  update(row: Row, over: Pick<Row, 'revision' | 'userTag'>, now: number, signal: Signal): Promise<Outcome>
  extend(key: string, expiresAt: number, over: Pick<Row, 'revision'>, now: number, signal: Signal): Promise<boolean>
  delete(key: string, signal: Signal): Promise<void>
  deleteMany(keys: readonly string[], signal: Signal): Promise<void>
  list(page: unknown, signal: Signal, part?: { readonly index: number; readonly count: number }): Promise<Page>
  listUser(userTag: string, page: unknown, signal: Signal): Promise<Page>
  deleteUser(userTag: string, which: Choice, now: number, signal: Signal): Promise<number>
}

/** A row that is alive for an hour. */
export function newRow(change: Partial<Row> = {}): Row {
  return {
    key: randomBytes(32).toString('base64url'),
    record: randomBytes(200),
    expiresAt: Date.now() + 3_600_000,
    revision: 1,
    kid: 'test-key',
    ...change,
  }
}
