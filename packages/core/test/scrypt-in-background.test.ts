/** scrypt takes as long as it is meant to: the process must go on meanwhile. */
import { expect, it } from 'vitest'
import { passphraseKeyring } from '../src/index.ts'
import { decrypt, encrypt } from '../src/version1/index.ts'

const secret = 'a secret of the tests, 32 characters or more'
const stored = await encrypt('x', { secret })

it.each<[string, () => Promise<unknown>]>([
  ['a passphrase', () => passphraseKeyring({ passphrase: secret, kid: 'k' }).generateDataKey({ app: 'test' })],
  ['a stored value of version 1', () => decrypt(stored, { secret })],
])('the event loop turns while scrypt runs for %s', async (_, run) => {
  let turns = 0
  let running = true
  const turn = () => {
    turns++
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  await run()
  running = false
  expect(turns).toBeGreaterThan(10)
})
