import { existsSync } from 'node:fs'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { startPglite, startPostgres } from '../src/index.ts'
import '../src/vitest-setup.ts'

async function ask(url: string, question: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const { rows } = await client.query({ text: question, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

test('a server runs beside the tests, and orders text by language', async () => {
  expect(await ask(inject('postgres'), 'show server_version')).toMatch(/^18\./)
  expect(await ask(inject('postgres'), `select 'a' < 'B'`)).toBe(true)
})

test('another one starts and stops beside it, leaving no folder', async () => {
  const postgres = await startPostgres()
  const folder = String(await ask(postgres.url, 'show data_directory'))
  await postgres.stop()
  await expect(ask(postgres.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(existsSync(folder)).toBe(false)
})

test('PGlite runs in this process', async () => {
  const { client, stop } = await startPglite()
  const { rows } = await client.query<{ answer: number }>('select 1 + 1 as answer')
  expect(rows).toEqual([{ answer: 2 }])
  await stop()
})
