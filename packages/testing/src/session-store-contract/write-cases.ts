import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { type CaseSetUp, dataOf, found, newSession, type SetUp } from './set-up.ts'
import type { StoreCalls } from './store-calls.ts'
import type { ConflictPolicy, SessionData } from './store-under-test.ts'

const CONFLICT = 'ERR_WAXSEAL_SESSION_CONFLICT'

/** What became of two writes that met. */
interface Meeting {
  readonly result: SessionData
  readonly errors: readonly unknown[]
  readonly overwritten: number
}

/** What happens when several write one session, or one of them ends it. */
export function writeCases(it: TestRunner['it'], setUp: SetUp, calls: StoreCalls): void {
  /** Two processes load one session; each makes its change, and both are set at once. */
  const meet = async (before: SessionData, change: SessionData, otherChange: SessionData): Promise<Meeting> => {
    const { store, reopen, events } = await setUp()
    const other = await reopen()
    await calls.set(store, 'id', newSession(before))
    const [mine, theirs] = [found(await calls.get(store, 'id')), found(await calls.get(other, 'id'))]
    const outcomes = await Promise.allSettled([
      calls.set(store, 'id', Object.assign(mine, change)),
      calls.set(other, 'id', Object.assign(theirs, otherChange)),
    ])
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [codeOf(outcome.reason)] : []))
    const overwritten = events.filter(({ type }) => type === 'overwritten').length
    return { result: dataOf(await calls.get(store, 'id')), errors, overwritten }
  }
  /** One process loads a session, another stores its change; the first stores its own ones, one after the other. */
  const goOn = async (
    before: SessionData,
    otherChange: SessionData,
    ...changes: ((session: SessionData) => void)[]
  ): Promise<Meeting> => {
    const { store, reopen, events } = await setUp()
    const other = await reopen()
    await calls.set(store, 'id', newSession(before))
    const mine = found(await calls.get(store, 'id'))
    await calls.set(other, 'id', Object.assign(found(await calls.get(other, 'id')), otherChange))
    const errors: unknown[] = []
    for (const change of changes) {
      change(mine)
      await calls.set(store, 'id', mine).catch((error) => errors.push(codeOf(error)))
    }
    const overwritten = events.filter(({ type }) => type === 'overwritten').length
    return { result: dataOf(await calls.get(store, 'id')), errors, overwritten }
  }
  const eitherOf = (result: SessionData, one: SessionData, other: SessionData) =>
    assert.deepEqual(result, 'left' in result ? one : other)
  const policyOf = async (): Promise<ConflictPolicy> => (await setUp()).conflict

  it('loses no change of two requests to different fields, or says so', async () => {
    const { result, errors, overwritten } = await meet({ name: 'ada' }, { left: 1 }, { right: 2 })
    const [one, other] = [
      { name: 'ada', left: 1 },
      { name: 'ada', right: 2 },
    ]
    const policy = await policyOf()
    if (policy === 'merge') assert.deepEqual(result, { ...one, ...other })
    else eitherOf(result, one, other)
    assert.deepEqual(errors, policy === 'reject' ? [CONFLICT] : [])
    assert.equal(overwritten, policy === 'lastWriteWins' ? 1 : 0)
  })

  it('loses no change of two requests to one field, or says so', async () => {
    const { result, errors, overwritten } = await meet({ count: 1 }, { count: 2, left: 1 }, { count: 3 })
    eitherOf(result, { count: 2, left: 1 }, { count: 3 })
    const policy = await policyOf()
    assert.deepEqual(errors, policy === 'lastWriteWins' ? [] : [CONFLICT])
    assert.equal(overwritten, policy === 'lastWriteWins' ? 1 : 0)
  })

  it('loses no other request’s change with the next save of an object that was merged, or says so', async () => {
    const saves = [1, 2].map((own) => (session: SessionData) => void Object.assign(session, { own }))
    const { result, errors, overwritten } = await goOn({}, { other: 1 }, ...saves)
    const expected: Record<ConflictPolicy, Meeting> = {
      merge: { result: { own: 2, other: 1 }, errors: [], overwritten: 0 },
      reject: { result: { other: 1 }, errors: [CONFLICT, CONFLICT], overwritten: 0 },
      lastWriteWins: { result: { own: 2 }, errors: [], overwritten: 1 },
    }
    assert.deepEqual({ result, errors, overwritten }, expected[await policyOf()])
  })

  it('brings nothing back by a merge that a request has removed', async () => {
    const remove = (session: SessionData) => void delete session.admin
    const { result, errors, overwritten } = await goOn({ admin: true }, { other: 1 }, remove)
    const expected: Record<ConflictPolicy, Meeting> = {
      merge: { result: { other: 1 }, errors: [], overwritten: 0 },
      reject: { result: { admin: true, other: 1 }, errors: [CONFLICT], overwritten: 0 },
      lastWriteWins: { result: {}, errors: [], overwritten: 1 },
    }
    assert.deepEqual({ result, errors, overwritten }, expected[await policyOf()])
  })

  it('makes no session of two users, that neither request had', async () => {
    const { result } = await meet({ user: 'ada' }, { user: 'grace', left: 1 }, { secondFactor: true })
    eitherOf(result, { user: 'grace', left: 1 }, { user: 'ada', secondFactor: true })
  })

  it('writes one session in the order of the calls, awaited or not', async () => {
    const { store } = await setUp()
    const session = newSession({ step: 0 })
    const writes = Array.from({ length: 5 }, () => calls.set(store, 'id', bump(session)))
    await Promise.all(writes)
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { step: 5 })
    await Promise.all([calls.set(store, 'id', bump(session)), calls.destroy(store, 'id')])
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('does not store a session that was destroyed since it was loaded: a logout is final', async () => {
    const { store, reopen, events, rawRows } = await setUp()
    const slow = await reopen()
    await calls.set(store, 'id', newSession())
    const loaded = found(await calls.get(slow, 'id'))
    await calls.destroy(store, 'id')
    await calls.set(slow, 'id', Object.assign(loaded, { step: 1 }))
    assert.equal(await calls.get(store, 'id'), null)
    assert.deepEqual(await rawRows(), [])
    assert.deepEqual(typesOf(events), ['refused'])
  })

  it('says of a session whether it is stored', async () => {
    const { store } = await setUp()
    assert.equal(await calls.set(store, 'id', newSession()), true)
    const loaded = found(await calls.get(store, 'id'))
    assert.equal(await calls.set(store, 'id', loaded), true)
    assert.equal(await calls.set(store, 'id', Object.assign(loaded, { step: 1 })), true)
    await calls.destroy(store, 'id')
    assert.equal(await calls.set(store, 'id', Object.assign(loaded, { step: 2 })), false)
  })

  it('does not store a session over the one that another login made under its id', async () => {
    const { store, reopen } = await setUp()
    const slow = await reopen()
    await calls.set(store, 'id', newSession({ user: 'ada' }))
    const loaded = found(await calls.get(slow, 'id'))
    await calls.destroy(store, 'id')
    await calls.set(store, 'id', newSession({ user: 'grace' }))
    await calls.set(slow, 'id', Object.assign(loaded, { step: 1 })).catch(() => {})
    assert.equal(dataOf(await calls.get(store, 'id')).user, 'grace')
  })

  it('ends a session that another process is writing at that moment', async () => {
    const { store, reopen } = await setUp()
    const slow = await reopen()
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await calls.set(store, id, newSession())
      const loaded = found(await calls.get(slow, id))
      await Promise.all([calls.set(slow, id, Object.assign(loaded, { step: 1 })), calls.destroy(store, id)])
      assert.equal(await calls.get(store, id), null)
    }
  })

  it('does not store a session that has expired since it was loaded', async () => {
    const { store, clock, events } = await setUp({ ttlSeconds: 60 })
    await calls.set(store, 'id', newSession())
    const loaded = found(await calls.get(store, 'id'))
    clock.advanceSeconds(60)
    await calls.set(store, 'id', Object.assign(loaded, { step: 1 }))
    assert.equal(await calls.get(store, 'id'), null)
    assert.deepEqual(typesOf(events), ['refused'])
  })

  it('destroys what is not there, and destroys again', async () => {
    const { store } = await setUp()
    await calls.destroy(store, 'nobody')
    await calls.set(store, 'id', newSession())
    await calls.destroy(store, 'id')
    await calls.destroy(store, 'id')
    assert.equal(await calls.get(store, 'id'), null)
  })

  it('keeps its sessions over a restart', async () => {
    const { store, reopen } = await setUp()
    await calls.set(store, 'id', newSession())
    const reopened = await reopen()
    const loaded = found(await calls.get(reopened, 'id'))
    await calls.set(reopened, 'id', Object.assign(loaded, { step: 1 }))
    assert.deepEqual(dataOf(await calls.get(store, 'id')), { name: 'ada', step: 1 })
  })
}

function bump(session: SessionData): SessionData {
  session.step = Number(session.step) + 1
  return session
}

function typesOf(events: CaseSetUp['events']): string[] {
  return events.map(({ type }) => type)
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
