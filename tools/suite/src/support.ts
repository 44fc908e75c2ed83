import type { SessionEvent, SessionStore } from '@waxseal/session'
import { onTestFinished, vi } from 'vitest'
import type { AppOptions, Route, StartApp } from './apps.ts'
import { Browser } from './browser.ts'

/** A session as an app's own code stores it, with a cookie that ends with the browser unless another one is given. */
export const sessionOf = (
  user: string,
  cookie: Record<string, unknown> = { originalMaxAge: null, expires: null },
): { user: string; cookie: Record<string, unknown> } => ({ user, cookie })

/** Starts an app until the end of the test, and gives a browser that visits it. */
export async function browse(
  start: StartApp,
  store: SessionStore,
  routes: Record<string, Route>,
  options: AppOptions = {},
): Promise<Browser> {
  const app = await start(store, routes, options)
  onTestFinished(() => app.close())
  return new Browser(app)
}

/** What the store tells from now on of these types. */
export function eventsOf(store: SessionStore, ...types: SessionEvent['type'][]): SessionEvent[] {
  const events: SessionEvent[] = []
  for (const type of types) store.on(type, (event: SessionEvent) => events.push(event))
  return events
}

/** Two doors that a test opens: who waits stands between them, so that something else can happen meanwhile. */
export function turnstile(): { arrived: Promise<void>; leave: () => void; wait: () => Promise<void> } {
  let arrive = () => {}
  let leave = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const wait = () => {
    arrive()
    return left
  }
  return { arrived, leave: () => leave(), wait }
}

/** Until the end of the test `Date` stands still but for this. Cookies of both frameworks go by it; timers do not. */
export function movableDate(): { advanceSeconds(seconds: number): void } {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  return { advanceSeconds: (seconds) => vi.setSystemTime(Date.now() + seconds * 1000) }
}

export interface Outcome {
  readonly error: unknown
  readonly milliseconds: number
}

/** How an operation failed, or `undefined`, and how long that took. */
export async function outcome(operation: () => Promise<unknown>): Promise<Outcome> {
  const start = performance.now()
  const error = await operation().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, milliseconds: performance.now() - start }
}
