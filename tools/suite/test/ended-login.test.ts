/** A login that destroyAllOf meets, saved by the app and once more by the framework at the end of the request. */
import { MemoryTable, SessionStore } from '@waxseal/session'
import { expect, it } from 'vitest'
import { frameworks } from '../src/apps.ts'
import { envelope } from '../src/database.ts'
import { browse, eventsOf } from '../src/support.ts'

/** Answers the first login as DynamoDB's table does one that meets destroyAllOf. */
class Ending extends MemoryTable {
  #isEnding = true
  override async insert(row: Parameters<MemoryTable['insert']>[0], now: number) {
    if (row.userTag === undefined || !this.#isEnding) return super.insert(row, now)
    this.#isEnding = false
    return { written: false, signedOut: true }
  }
}

it.each(frameworks)('under $framework no save of the same request brings it back', async ({ start }) => {
  const store = new SessionStore(new Ending(), { envelope, userId: (session) => session.user as string })
  const refused = eventsOf(store, 'refused')
  const browser = await browse(start, store, {
    '/login': async (visit) => {
      visit.session.user = 'ada'
      await visit.save()
      // As flash messages do once passport has saved the login.
      visit.session.flash = 'welcome'
    },
    '/read': ({ session }) => session.user ?? null,
  })
  await browser.get('/login')
  expect(refused.length).toBeGreaterThan(1)
  expect(await store.sessionsOf('ada')).toEqual([])
  expect((await browser.get('/read')).body).toBe(null)
})
