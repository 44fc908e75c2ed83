/** Ending the sessions of one user: none is left and the call returns, whatever goes on beside it. */
import { expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

const userId = (session: Record<string, unknown>) => session.user as string

it('a missing id of the session that stays is an error, and ends none', async () => {
  const { store } = setUp({ userId })
  await store.set('current', { user: 'ada' })
  const request: { sessionID?: string } = {}
  await expect(store.destroyOthersOf('ada', request.sessionID!)).rejects.toMatchObject({
    code: 'ERR_WAXSEAL_SESSION_INVALID',
  })
  expect(await store.get('current')).not.toBe(null)
})
