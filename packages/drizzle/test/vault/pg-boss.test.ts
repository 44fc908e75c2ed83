// The recipe of docs/vault.md, as it stands there, on a real server.
import { readFileSync } from 'node:fs'
import PgBoss from 'pg-boss'
import { expect, inject, it, onTestFinished, vi } from 'vitest'
import { servers } from '../support/databases.ts'
import { sweepEveryMinute } from './support/pg-boss-recipe.ts'
import { refreshing } from './support/refreshing.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

it('stands in the docs as it is tested', () => {
  expect(read('../../../../docs/vault.md')).toContain(read('./support/pg-boss-recipe.ts'))
})

it('refreshes what is about to expire, by a job of every minute', async () => {
  const db = await servers[0]!.open()
  const { vault, provider, connect, tokens } = await refreshing(db)
  const { accessToken } = await connect(60)
  const boss = new PgBoss({ connectionString: inject('postgres'), schema: 'pgboss_of_the_vault' })
  onTestFinished(async () => {
    await boss.stop({ graceful: false })
    await vault.dispose()
  })
  await boss.start()
  await sweepEveryMinute(boss, vault)
  await sweepEveryMinute(boss, vault) // as the next process does
  expect(await boss.getQueue('refresh-grants')).toMatchObject({ policy: 'stately' })
  expect(await boss.getSchedules()).toMatchObject([{ name: 'refresh-grants', cron: '* * * * *' }])

  // What the schedule does at the full minute.
  const job = await boss.send('refresh-grants', {})
  await vi.waitFor(async () => {
    const { state, output } = (await boss.getJobById('refresh-grants', job ?? '')) ?? {}
    expect({ state, output }).toEqual({ state: 'completed', output: { refreshed: 1, failed: 0 } })
  }, 15_000)
  expect(provider.calls).toBe(1)
  expect((await tokens()).access_token?.value).not.toBe(accessToken)
})
