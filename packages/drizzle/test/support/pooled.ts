import { startPgBouncer } from '@waxseal/engines'
import { afterAll, inject } from 'vitest'
import { type OpenDatabase, openNodePostgres, openPostgresJs, type TestDatabase } from './databases.ts'

/** Behind PgBouncer in transaction mode, where each transaction may get another connection to the server. */
export const pooled: TestDatabase[] = [
  { database: 'PgBouncer by node-postgres', open: onceForFile(openNodePostgres) },
  // Else PgBouncer mixes up what goes to whom, see "Connections" in the README.
  { database: 'PgBouncer by postgres.js', open: onceForFile((url) => openPostgresJs(`${url}?max_pipeline=0`)) },
]

/** Opens a database behind a PgBouncer that logs in to the server as the user of `server`. */
export async function openPooled(
  server: string,
  poolSize: number,
  open: (url: string) => OpenDatabase = openNodePostgres,
): Promise<OpenDatabase> {
  const pooler = await startPgBouncer(server, { poolSize })
  const { db, close } = open(pooler.url)
  return { db, close: () => close().then(pooler.stop) }
}

function onceForFile(open: (url: string) => OpenDatabase): TestDatabase['open'] {
  let opened: Promise<OpenDatabase> | undefined
  afterAll(async () => (await opened)?.close())
  return async () => {
    opened ??= openPooled(inject('postgres'), 3, open)
    return (await opened).db
  }
}
