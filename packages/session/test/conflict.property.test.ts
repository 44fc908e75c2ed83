/** The rule by which two changes of one session become one, or do not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ConflictOptions, ConflictRules } from '../src/conflict.ts'
import type { SessionSnapshot } from '../src/session-content.ts'

type Content = Record<string, unknown>

const keys = ['a', 'b', 'c', '1', '', '__proto__', 'user', 'role']
const contents: fc.Arbitrary<Content> = fc.dictionary(
  fc.constantFrom(...keys),
  fc.constantFrom<unknown>(0, 1, null, [], { x: 1 }),
)
const cookies = fc.option(
  fc.record({
    originalMaxAge: fc.constantFrom(null, 60_000, 3_600_000),
    expires: fc.constantFrom(null, '2030-01-01T00:00:00.000Z', '2030-01-02T00:00:00.000Z'),
    secure: fc.boolean(),
  }),
  { nil: undefined },
)
const snapshots: fc.Arbitrary<SessionSnapshot> = fc
  .record({ content: contents, cookie: cookies })
  .map(({ content, cookie }) => ({ content: JSON.stringify(content), cookie }))

const at = (content: object): SessionSnapshot => ({ content: JSON.stringify(content), cookie: undefined })

const userId: ConflictOptions['userId'] = ({ user }) => (user === undefined ? undefined : JSON.stringify(user))
const merging: ConflictOptions = { guardKeys: ['role'], userId }

const NO_MERGE = 'conflict' as const

function resolve(options: ConflictOptions, base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot) {
  try {
    return new ConflictRules(options).resolve(base, mine, theirs)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_SESSION_CONFLICT', retryable: false })
    return NO_MERGE
  }
}

/** Each value as JSON, under its key: what the rule goes by, in the plainest words. */
function valuesOf({ content }: SessionSnapshot): Map<string, string> {
  return new Map(Object.entries(JSON.parse(content)).map(([key, value]) => [key, JSON.stringify(value)]))
}

/** What of a cookie is no running expiry. */
function cookieOf({ cookie }: SessionSnapshot): string {
  if (cookie === undefined) return 'none'
  const { originalMaxAge, expires, secure } = cookie
  return JSON.stringify([originalMaxAge, originalMaxAge === null ? Boolean(expires) : null, secure])
}

function changesOf(from: SessionSnapshot, to: SessionSnapshot): Set<string> {
  const [before, after] = [valuesOf(from), valuesOf(to)]
  const changed = [...before.keys(), ...after.keys()].filter((key) => before.get(key) !== after.get(key))
  return new Set(cookieOf(from) === cookieOf(to) ? changed : [...changed, 'cookie'])
}

/** What `mine` changed that `theirs` did not as well: a cookie that both made the same is in nobody's way. */
function ownChanges(base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot): Set<string> {
  const changed = changesOf(base, mine)
  if (cookieOf(mine) === cookieOf(theirs)) changed.delete('cookie')
  return changed
}

const RUNS = 600

const run = (property: (base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot) => void): void =>
  fc.assert(fc.property(snapshots, snapshots, snapshots, property), { numRuns: RUNS })

/** Few changes from one base: three independent sessions hardly ever merge. */
const runNear = (property: (base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot) => void): void => {
  const edits = fc.tuple(contents, fc.subarray(keys, { maxLength: 2 }), fc.option(cookies, { nil: null }))
  const edited = (
    base: SessionSnapshot,
    [values, touched, cookie]: [Content, string[], SessionSnapshot['cookie'] | null],
  ) => {
    const content = new Map(Object.entries(JSON.parse(base.content) as Content))
    for (const key of touched) {
      if (Object.hasOwn(values, key)) content.set(key, values[key])
      else content.delete(key)
    }
    return { content: JSON.stringify(Object.fromEntries(content)), cookie: cookie === null ? base.cookie : cookie }
  }
  fc.assert(
    fc.property(snapshots, edits, edits, (base, mine, theirs) =>
      property(base, edited(base, mine), edited(base, theirs)),
    ),
    { numRuns: RUNS },
  )
}

describe('merge', () => {
  it('keeps every change of both, and nothing else', () => {
    let merged = 0
    runNear((base, mine, theirs) => {
      const resolution = resolve(merging, base, mine, theirs)
      if (resolution === NO_MERGE) return
      const [here, there] = [changesOf(base, mine), changesOf(base, theirs)]
      const result = valuesOf(resolution.snapshot)
      const names = new Set([base, mine, theirs, resolution.snapshot].flatMap((state) => [...valuesOf(state).keys()]))
      for (const key of names) {
        const from = here.has(key) ? mine : there.has(key) ? theirs : base
        expect(result.get(key)).toBe(valuesOf(from).get(key))
      }
      expect(cookieOf(resolution.snapshot)).toBe(cookieOf(there.has('cookie') ? theirs : mine))
      if (resolution.effect === 'merged') merged++
    })
    expect(merged).toBeGreaterThan(20)
  })

  it('is refused exactly where both changed one key, or one of both a guarded key or the user', () => {
    const outcomes = { merged: 0, refused: 0 }
    const check = (base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot) => {
      const [here, there] = [ownChanges(base, mine, theirs), ownChanges(base, theirs, mine)]
      const both = here.size > 0 && there.size > 0
      const overlap = [...here].some((key) => there.has(key))
      const guarded = ['role', 'user'].some((key) => here.has(key) || there.has(key))
      const refused = resolve(merging, base, mine, theirs) === NO_MERGE
      expect(refused).toBe(both && (overlap || guarded))
      outcomes[refused ? 'refused' : 'merged']++
    }
    runNear(check)
    run(check)
    expect(Math.min(outcomes.merged, outcomes.refused)).toBeGreaterThan(100)
  })

  it('is the same from either side, but for the order of keys and the running expiry', () => {
    runNear((base, mine, theirs) => {
      const [one, other] = [resolve(merging, base, mine, theirs), resolve(merging, base, theirs, mine)]
      if (one === NO_MERGE || other === NO_MERGE) {
        expect(one).toBe(other)
        return
      }
      expect(valuesOf(one.snapshot)).toEqual(valuesOf(other.snapshot))
      expect(cookieOf(one.snapshot)).toBe(cookieOf(other.snapshot))
    })
  })

  it('gives the same bytes for the same three states', () => {
    runNear((base, mine, theirs) => {
      expect(resolve(merging, base, mine, theirs)).toEqual(resolve(merging, base, mine, theirs))
    })
  })

  it('gives mine, as it is, where nobody else changed anything', () => {
    run((base, mine) => {
      expect(resolve(merging, base, mine, base)).toEqual({ snapshot: mine })
      expect(resolve(merging, base, mine, { ...base })).toEqual({ snapshot: mine })
    })
  })

  it('takes a counter that both counted up to the same number for the lost update that it is', () => {
    const [zero, one] = [at({ n: 0 }), at({ n: 1 })]
    expect(resolve(merging, zero, one, { ...one })).toBe(NO_MERGE)
  })

  it('goes by the default guards where none are named', () => {
    for (const guard of ['user', 'userId', 'passport']) {
      expect(resolve({}, at({}), at({ [guard]: 2 }), at({ mfa: true }))).toBe(NO_MERGE)
      expect(resolve({}, at({}), at({ mfa: true }), at({ [guard]: 2 }))).toBe(NO_MERGE)
      expect(resolve({ guardKeys: [] }, at({}), at({ [guard]: 2 }), at({ mfa: true }))).not.toBe(NO_MERGE)
    }
  })
})

describe('reject', () => {
  it('refuses what both changed, and only that', () => {
    const check = (base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot) => {
      const both = ownChanges(base, mine, theirs).size > 0 && ownChanges(base, theirs, mine).size > 0
      expect(resolve({ conflict: 'reject' }, base, mine, theirs) === NO_MERGE).toBe(both)
    }
    run(check)
    runNear(check)
  })
})

describe('lastWriteWins', () => {
  it('stores mine and says so, but who changed the cookie alone, or nothing, takes nothing else back', () => {
    run((base, mine, theirs) => {
      const last = resolve({ conflict: 'lastWriteWins' }, base, mine, theirs)
      if (ownChanges(base, theirs, mine).size === 0) expect(last).toEqual({ snapshot: mine })
      else if (mine.content !== base.content) expect(last).toEqual({ snapshot: mine, effect: 'overwritten' })
      else {
        if (last === NO_MERGE) throw new Error('lastWriteWins knows no conflict')
        expect(valuesOf(last.snapshot)).toEqual(valuesOf(theirs))
        expect(cookieOf(last.snapshot)).toBe(cookieOf(changesOf(base, mine).has('cookie') ? mine : theirs))
        expect(last).not.toHaveProperty('effect')
      }
    })
  })
})

it('the message of a conflict names the policy and what to do, and nothing that a session holds', () => {
  const rules = new ConflictRules({ conflict: 'merge' })
  const message = /^The session was not stored \(conflict: 'merge'\): .* Load it again and repeat the change$/
  expect(() => rules.resolve(at({ s3cret: 1 }), at({ s3cret: 2 }), at({ s3cret: 3 }))).toThrow(message)
  expect(() => rules.resolve(at({ s3cret: 1 }), at({ s3cret: 2 }), at({ s3cret: 3 }))).not.toThrow('s3cret')
})
