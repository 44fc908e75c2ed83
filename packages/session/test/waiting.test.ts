/** What a store waits for, and what waits for a store. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { WaxsealError } from '@waxseal/core'
import { expect, it } from 'vitest'
import { setUp } from './support/stores.ts'

it('waiting for an earlier write of the same session counts as time', async () => {
  const { store, table } = setUp({ timeoutMilliseconds: 100 })
  table.before = (call) => (call === 'insert' ? new Promise(() => {}) : undefined)
  const first = store.set('id', { user: 'ada' }).catch((error: unknown) => error)
  const begun = performance.now()
  const second = await store.destroy('id').catch((error: unknown) => error)
  expect(await first).toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
  expect(second).toBeInstanceOf(WaxsealError)
  expect(performance.now() - begun).toBeLessThan(400)
})

it('the timer of a store keeps no process alive', async () => {
  const script = `
    import { MemoryTable, SessionStore } from '@waxseal/session'
    import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
    const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    const store = new SessionStore(new MemoryTable(), { envelope })
    await store.set('id', {})
  `
  const begun = performance.now()
  const child = spawn(process.execPath, ['--conditions=waxseal-source', '--import', 'tsx', '--input-type=module'], {
    cwd: import.meta.dirname,
  })
  child.stdin.end(script)
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect(performance.now() - begun).toBeLessThan(4500)
})
