import { setTimeout as delay } from 'node:timers/promises'
import type { AppSession } from './app-session.ts'

const REFRESH_MILLISECONDS = 5000
/** How long an EventSource waits before it connects again, for instance while the server restarts. */
const RECONNECT_MILLISECONDS = 1000

/** Who is signed in; what `/mcp/status` answers. */
export interface Status {
  readonly authenticated: boolean
  readonly email: string | null
  /** When this process started, in milliseconds since the epoch: another value after every restart. */
  readonly serverStartedAt: number
}

const serverStartedAt = Math.round(performance.timeOrigin)

export function statusOf(session: AppSession | null | undefined): Status {
  const email = session?.user?.email ?? null
  return { authenticated: email !== null, email, serverStartedAt }
}

export function wantsEvents(accept: string | undefined): boolean {
  return accept?.includes('text/event-stream') ?? false
}

/**
 * The status as server-sent events: now, then every five seconds, read from the store anew each time. Ends when the
 * store cannot be read; the client asks again by itself.
 */
export async function* statusEvents(
  readSession: () => Promise<AppSession | null>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `retry: ${RECONNECT_MILLISECONDS}\n\n`
  while (!signal.aborted) {
    const status = await readSession().then(statusOf, () => undefined)
    if (status === undefined) return
    yield `data: ${JSON.stringify(status)}\n\n`
    await delay(REFRESH_MILLISECONDS, undefined, { signal }).catch(() => {})
  }
}
