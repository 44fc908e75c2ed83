/** A database that goes away and comes back while users are writing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WaxsealError } from '@waxseal/core'
import { describe, expect, it } from 'vitest'
import type { RemoteDatabase } from './database.ts'
import { behindProxy } from './faults.ts'

const USERS = 20

/** Registers a run of some three seconds under load. */
export function restartSuite(database: RemoteDatabase): void {
  describe(`on ${database.name}`, () => {
    it('restarts under load lose no write that was acknowledged, repeat none, and hang nobody', async () => {
      const { proxy, newStore } = await behindProxy(database)
      const store = newStore(1000)
      let running = true
      let failures = 0

      /** Counts one session up until told to stop: what was stored last for certain, and what may have been. */
      async function count(id: string): Promise<{ stored: number; tried: number }> {
        let [stored, tried] = [0, 0]
        while (running) {
          const begun = performance.now()
          try {
            const session = (await store.get<{ n: number }>(id)) ?? { n: 0 }
            // Never behind what was acknowledged, never ahead of what was asked for.
            expect(session.n).toBeGreaterThanOrEqual(stored)
            expect(session.n).toBeLessThanOrEqual(tried)
            session.n = tried = session.n + 1
            if (await store.set(id, session)) stored = session.n
          } catch (error) {
            if (!(error instanceof WaxsealError)) throw error
            failures++
            expect(error.code).toMatch(/^ERR_WAXSEAL_STORE_(UNAVAILABLE|TIMEOUT)$/)
            await sleep(20)
          }
          expect(performance.now() - begun).toBeLessThan(5000)
        }
        return { stored, tried }
      }

      const counting = Promise.all(Array.from({ length: USERS }, (_, i) => count(`user-${i}`)))
      for (const fault of ['refuse', 'cut', 'blackhole', 'refuse'] as const) {
        await sleep(300)
        await proxy.setMode(fault)
        await sleep(fault === 'blackhole' ? 1200 : 150)
        await proxy.setMode('pass')
      }
      await sleep(500)
      running = false
      const outcomes = await counting
      expect(failures).toBeGreaterThan(0)
      for (const [i, { stored, tried }] of outcomes.entries()) {
        const { n } = (await store.get<{ n: number }>(`user-${i}`))!
        expect(n).toBeGreaterThanOrEqual(stored)
        expect(n).toBeLessThanOrEqual(tried)
        expect(stored).toBeGreaterThan(0)
      }
    })
  })
}
