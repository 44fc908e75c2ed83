import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { startPgBouncer } from '../src/index.ts'
import '../src/vitest-setup.ts'

test('PgBouncer hands one connection of the server to each transaction of its clients', async () => {
  const pooler = await startPgBouncer(inject('postgres'), { poolSize: 1 })
  const clients = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = new pg.Client({ connectionString: pooler.url, connectionTimeoutMillis: 5000 })
      client.on('error', () => {})
      await client.connect()
      return client
    }),
  )
  const backends = clients.map(async (client) => (await client.query('select pg_backend_pid() as pid')).rows[0].pid)
  expect(new Set(await Promise.all(backends)).size).toBe(1)
  await Promise.all(clients.map((client) => client.end()))
  await pooler.stop()
  const late = new pg.Client({ connectionString: pooler.url, connectionTimeoutMillis: 5000 })
  await expect(late.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
