import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { dataOf, found, newSession, type SetUp } from './set-up.ts'
import type { StoreUnderTest } from './store-under-test.ts'

const TIMEOUT_MILLISECONDS = 100

/** Until a call that has not ended counts as one that hangs; a busy machine may take long to wake a timer. */
const PATIENCE_MILLISECONDS = 2000

/** Calls in time-outs of which none may be answered before that is no longer the machine's doing. */
const ATTEMPTS = 10

const operations: Readonly<Record<string, (store: StoreUnderTest) => Promise<unknown>>> = {
  get: (store) => store.get('read'),
  set: (store) => store.set('written', newSession()),
  touch: (store) => store.touch('touched', newSession()),
  destroy: (store) => store.destroy('destroyed'),
  all: (store) => store.all(),
  length: (store) => store.length(),
  clear: (store) => store.clear(),
}

/** A database that is down or silent: errors in time, which nobody takes for "signed out". */
export function faultCases(it: TestRunner['it'], setUp: SetUp): void {
  it('ends every call in time while the database is silent', async () => {
    const { store, reopen, setFault } = await setUp()
    await store.set('read', newSession())
    const impatient = await reopen({ timeoutMilliseconds: TIMEOUT_MILLISECONDS })
    await setFault('silent')
    const ends = Object.entries(operations).map(async ([name, start]) => [name, await codeAfter(start(impatient))])
    for (const [name, code] of await Promise.all(ends)) assert.equal(code, 'ERR_WAXSEAL_STORE_TIMEOUT', `${name}`)
    await setFault('none')
    assert.deepEqual(dataOf(await store.get('read')), { name: 'ada' })
  })

  it('goes on where it was, as soon as the database is silent no more', async () => {
    const { reopen, setFault } = await setUp()
    const impatient = await reopen({ timeoutMilliseconds: TIMEOUT_MILLISECONDS })
    await setFault('silent')
    await Promise.all(Object.values(operations).map((start) => codeAfter(start(impatient))))
    await setFault('none')
    for (const [name, start] of Object.entries(operations)) {
      let code: unknown
      for (let attempt = 0; attempt < ATTEMPTS && code !== 'no error'; attempt++)
        code = await codeAfter(start(impatient))
      assert.equal(code, 'no error', name)
    }
  })

  it('gives an error while the database is down, but never ENOENT, which frameworks take for "no session"', async () => {
    const { store, setFault } = await setUp()
    await store.set('read', newSession())
    await setFault('unreachable')
    for (const [name, start] of Object.entries(operations)) {
      const code = await codeAfter(start(store))
      assert.ok(typeof code === 'string' && code.startsWith('ERR_WAXSEAL_'), `${name} gave ${code}`)
    }
    await setFault('none')
    assert.deepEqual(dataOf(await store.get('read')), { name: 'ada' })
  })

  it('calls back without error from a touch that fails: Express would cut the response off', async () => {
    const { store, clock, setFault, events } = await setUp({ ttlSeconds: 100, touchAfterSeconds: 0 })
    await store.set('id', newSession())
    const loaded = found(await store.get('id'))
    clock.advanceSeconds(60)
    await setFault('unreachable')
    const error = await new Promise((resolve) => store.touch('id', loaded, resolve))
    assert.ok(!error, 'it called back with an error')
    assert.deepEqual(
      events.map(({ type }) => type),
      ['touch-failed'],
    )
  })
}

/** The code of the error that a call ends in; whatever else became of it, in words. */
async function codeAfter(call: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ code: string }>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MILLISECONDS, { code: 'nothing, it hangs' })
  })
  const outcome = call.then(
    () => ({ code: 'no error' }),
    (error: unknown) => error as { code?: unknown },
  )
  const { code } = await Promise.race([outcome, late])
  clearTimeout(timer)
  return code
}
