import assert from 'node:assert/strict'
import { type FakeClock, fakeClock } from '../fake-clock.ts'
import type {
  ConflictPolicy,
  ContractOptions,
  CreateStore,
  SessionData,
  StoreEvent,
  StoreFixture,
  StoreUnderTest,
} from './store-under-test.ts'

/** What a case works with. */
export interface CaseSetUp extends StoreFixture {
  readonly clock: FakeClock
  readonly conflict: ConflictPolicy
  /** What the store and those that were reopened have told of. */
  readonly events: StoreEvent[]
}

export type SetUp = (options?: Partial<ContractOptions>) => Promise<CaseSetUp>

const eventTypes = ['unreadable', 'refused', 'overwritten', 'merged', 'conflict', 'touch-failed', 'failed']

export function newSetUp(create: CreateStore, conflict: ConflictPolicy): SetUp {
  return async (options = {}) => {
    const clock = fakeClock()
    const fixture = await create({ clock, conflict, ...options })
    const events: StoreEvent[] = []
    const listenTo = (store: StoreUnderTest) => {
      for (const type of eventTypes) store.on(type, (event) => events.push(event))
      return store
    }
    listenTo(fixture.store)
    const reopen: StoreFixture['reopen'] = async (change) => listenTo(await fixture.reopen(change))
    return { ...fixture, reopen, clock, conflict, events }
  }
}

/** A session with a cookie that ends with the browser. */
export function newSession(content: SessionData = { name: 'ada' }): SessionData {
  return { ...content, cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } }
}

/** A session whose cookie has a life of its own. */
export function newPersistentSession(clock: FakeClock, seconds: number): SessionData {
  const expires = new Date(clock.now() + seconds * 1000).toISOString()
  return { name: 'ada', cookie: { originalMaxAge: seconds * 1000, expires, httpOnly: true, path: '/' } }
}

/** What a session says: its data, without what a store hands along beside it. */
export function contentOf(session: SessionData | null | undefined): SessionData | null {
  return session === null || session === undefined ? null : JSON.parse(JSON.stringify(session))
}

/** The session's data without its cookie; a case fails where there is no session. */
export function dataOf(session: SessionData | null | undefined): SessionData {
  assert.ok(session, 'there is no session')
  const { cookie: _cookie, ...data } = contentOf(session) as SessionData
  return data
}

/** The session; a case fails where there is none. */
export function found(session: SessionData | null | undefined): SessionData {
  assert.ok(session, 'there is no session')
  return session
}

export function cookieIn(session: SessionData | null | undefined): Record<string, unknown> {
  return found(session).cookie as Record<string, unknown>
}
