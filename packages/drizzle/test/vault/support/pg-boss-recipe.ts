import type { ProviderProfiles, TokenVault } from '@waxseal/drizzle'
import type PgBoss from 'pg-boss'

type Vault = Pick<TokenVault<ProviderProfiles>, 'refreshSweep'>

/** One sweep a minute, in whichever process is free. */
export async function sweepEveryMinute(boss: PgBoss, vault: Vault): Promise<void> {
  const queue = 'refresh-grants'
  // One job waits and one runs at the most: a sweep that takes longer than a minute is not followed by a heap of others.
  await boss.createQueue(queue, { name: queue, policy: 'stately', retryLimit: 0, expireInSeconds: 300 })
  await boss.work(queue, async () => {
    const { refreshed, failed } = await vault.refreshSweep({ limit: 1000, signal: AbortSignal.timeout(240_000) })
    return { refreshed, failed }
  })
  await boss.schedule(queue, '* * * * *')
}
