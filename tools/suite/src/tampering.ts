import { type SessionRow, type SessionTable, sessionKey } from '@waxseal/session'

const signal = { aborted: false, onabort: null }

/** The row as the database has it. */
export async function rowOf(port: SessionTable, sessionId: string): Promise<SessionRow> {
  const row = await port.get(sessionKey(sessionId), signal)
  if (row === undefined) throw new Error('There is no such row')
  return row
}

/** What somebody who can write the table, and holds no key, can do to a row. */
export async function tamper(port: SessionTable, row: SessionRow, change: Partial<SessionRow>): Promise<void> {
  await port.delete(row.key, signal)
  // At the beginning of time nothing has expired.
  const { written } = await port.insert({ ...row, ...change }, 0, signal)
  if (!written) throw new Error('The row was not written')
}
