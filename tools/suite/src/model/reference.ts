import { isDeepStrictEqual } from 'node:util'

/** What a session holds besides its cookie. */
export type Content = Readonly<Record<string, unknown>>

/** How long sessions of the model live, in milliseconds. */
export const life = { idle: 600_000, most: 1_800_000, touchAfter: 60_000 } as const

/** What the store answered; `error` where the database failed, which the test had told it to. */
export type Answer = Content | null | boolean | 'conflict' | 'error'

/**
 * What the database does with the first write of an operation, beside its duty: `fail` does not make it, `lose` makes it,
 * `late` makes it at a later time of the test's choosing, and all three answer with an error. `repeat` makes it twice, as
 * a client library does whose first answer was lost.
 */
export type Fault = 'fail' | 'lose' | 'late' | 'repeat'

/** One call of the store. */
export interface Operation {
  readonly name: 'get' | 'set' | 'touch' | 'destroy'
  /** Which request it is of. */
  readonly request: number
  /** What the request's session holds, of `set` and `touch`. */
  readonly content: Content
  /** Of the clock of the request's process. */
  readonly now: number
  readonly fault: Fault | undefined
  readonly answer: Answer
}

interface Row {
  readonly version: number
  readonly life: number
  readonly content: Content
  /** It surely lives before, and surely not from then on: a touch may or may not be due. */
  readonly surely: number
  readonly atMost: number
  readonly absoluteEnd: number
}

/** What a request knows of the row, as the rules of the store have it. */
interface Known {
  readonly version: number
  readonly life: number
  readonly base: Content
  readonly stored: Content
  readonly unsettled?: readonly Known[] | undefined
}

/** One of the states in which the session may be, after all that was seen of it. */
export interface World {
  readonly row: Row | undefined
  readonly known: Readonly<Record<number, Known>>
  /** A write that has not arrived yet. */
  readonly late: { readonly over: number | undefined; readonly row: Row; readonly now: number } | undefined
  readonly writes: number
}

export const noSession: World = { row: undefined, known: {}, late: undefined, writes: 0 }

/** The worlds in which a call has the answer that it had: none, if it must not have it. */
export function after(world: World, operation: Operation): World[] {
  if (operation.name === 'get') return get(world, operation)
  if (operation.name === 'destroy') return destroy(world, operation)
  if (operation.name === 'touch') return touch(world, operation)
  return set(world, operation)
}

/** The late write arrives. */
export function arrive(world: World): World[] {
  const { late } = world
  if (late === undefined) return [world]
  const { alive, dead } = atTime({ ...world, late: undefined }, late.now)
  return [
    ...alive.map((at) => (at.row?.version === late.over ? { ...at, row: late.row } : at)),
    ...dead.map((at) => (late.over === undefined ? { ...at, row: late.row } : at)),
  ]
}

/** The database removes the row if it has expired by a clock that shows `now`. */
export function sweep(world: World, now: number): World[] {
  const { alive, dead } = atTime(world, now)
  return [...alive, ...dead.map((at) => ({ ...at, row: undefined }))]
}

/** The worlds in which the row is alive at `now`, and those in which there is none, or an expired one. */
function atTime(world: World, now: number): { alive: World[]; dead: World[] } {
  const { row } = world
  if (row === undefined) return { alive: [], dead: [world] }
  const alive = now < row.atMost ? [{ ...world, row: { ...row, surely: Math.max(row.surely, now + 1) } }] : []
  const dead = now >= row.surely ? [{ ...world, row: { ...row, atMost: Math.min(row.atMost, now) } }] : []
  return { alive, dead }
}

function get(world: World, { request, now, answer }: Operation): World[] {
  // On a reload that finds nothing, Express keeps the session object that it has, and Fastify makes an empty one.
  if (answer === 'error') return [world, forget(world, request)]
  const { alive, dead } = atTime(world, now)
  if (answer === null) return dead.flatMap((at) => [at, forget(at, request)])
  return alive.flatMap((at) => {
    const { version, life: own, content } = at.row as Row
    if (!isDeepStrictEqual(content, answer)) return []
    return [know(at, request, { version, life: own, base: content, stored: content })]
  })
}

function destroy(world: World, { fault, answer }: Operation): World[] {
  const gone = { ...world, row: undefined }
  if (answer !== 'error') return [gone]
  if (fault === 'lose') return [gone]
  return [world]
}

/** Whoever changed nothing has nothing to be refused. */
function touch(world: World, operation: Operation): World[] {
  const { alive, dead } = atTime(world, operation.now)
  return operation.answer === true ? [...alive.map((at) => touched(at, operation)), ...dead] : []
}

function set(world: World, operation: Operation): World[] {
  const known = world.known[operation.request]
  if (known?.unsettled === undefined && isDeepStrictEqual(known?.base, operation.content))
    return touch(world, operation)
  // What the row said when it was last seen may be conflict enough, whatever has become of it since.
  if (known !== undefined && merge(known.base, operation.content, known.stored) === undefined) {
    return operation.answer === 'conflict' ? [world] : []
  }
  const { alive, dead } = atTime(world, operation.now)
  if (known === undefined) {
    return [
      ...alive.flatMap((at) => put(at, operation, at.row)),
      ...dead.flatMap((at) => put(at, operation, undefined)),
    ]
  }
  return [...alive.flatMap((at) => update(at, operation, known)), ...dead.flatMap((at) => refuse(at, operation, known))]
}

/** Nothing but the expiry may move. */
function touched(world: World, { request, now, fault }: Operation): World {
  const row = world.row as Row
  const end = Math.min(now + life.idle, row.absoluteEnd)
  const isSure = world.known[request]?.version === row.version && (fault === undefined || fault === 'repeat')
  const surely = isSure ? Math.max(row.surely, end - life.touchAfter) : row.surely
  return { ...world, row: { ...row, surely, atMost: Math.max(row.atMost, end) } }
}

/** Without having been loaded: a live row goes on in its life. */
function put(world: World, operation: Operation, over: Row | undefined): World[] {
  const { now, content } = operation
  const version = world.writes + 1
  const counted = { ...world, writes: version }
  const begun = { life: version, absoluteEnd: Math.floor(now + life.most) }
  const { life: own, absoluteEnd } = operation.answer === 'error' ? begun : (over ?? begun)
  const end = Math.min(now + life.idle, absoluteEnd)
  const row: Row = { version, life: own, content, surely: end, atMost: end, absoluteEnd }
  // The first write of such a call is an insert, which does nothing to a live row.
  if (operation.answer === 'error') return failed(counted, operation, row, undefined, over === undefined)
  if (operation.answer !== true) return []
  return [know({ ...counted, row }, operation.request, { version, life: own, base: content, stored: content })]
}

function refuse(world: World, operation: Operation, known: Known): World[] {
  if (operation.answer === 'error') return failedUpdate(world, operation, known, false)
  return operation.answer === false ? [world] : []
}

function update(world: World, operation: Operation, known: Known): World[] {
  const row = world.row as Row
  if (operation.answer === 'error') return failedUpdate(world, operation, known, known.version === row.version)
  if (known.life !== row.life) return operation.answer === false ? [world] : []
  let over = known
  if (known.version !== row.version) {
    const own = known.unsettled?.find(({ version }) => version === row.version)
    if (own !== undefined) over = own
    else if (known.unsettled !== undefined) return operation.answer === 'conflict' ? [world] : []
    else over = { ...known, version: row.version, stored: row.content }
  }
  const content = merge(over.base, operation.content, over.stored)
  if (content === undefined) return operation.answer === 'conflict' ? [world] : []
  if (operation.answer !== true) return []
  const next = written(world, operation, over, content)
  return [know({ ...world, writes: next.row.version, row: next.row }, operation.request, next.known)]
}

function written(world: World, { now, content: mine }: Operation, over: Known, content: Content) {
  const { absoluteEnd, life: own } = world.row as Row
  const version = world.writes + 1
  const end = Math.min(now + life.idle, absoluteEnd)
  const row: Row = { version, life: own, content, surely: end, atMost: end, absoluteEnd }
  return { row, known: { version, life: over.life, base: mine, stored: content } satisfies Known }
}

/** `fits`: whether the first write of the call had found the row that it expects. */
function failedUpdate(world: World, operation: Operation, known: Known, fits: boolean): World[] {
  const content = merge(known.base, operation.content, known.stored) as Content
  const version = world.writes + 1
  const unsettled = [
    ...(known.unsettled ?? []),
    { version, life: known.life, base: operation.content, stored: content },
  ]
  const after = know({ ...world, writes: version }, operation.request, { ...known, unsettled })
  if (world.row === undefined) return [after]
  return failed(after, operation, written(world, operation, known, content).row, known.version, fits)
}

function failed(world: World, { fault, now }: Operation, row: Row, over: number | undefined, fits: boolean): World[] {
  if (fault === 'lose') return [fits ? { ...world, row } : world]
  if (fault === 'late') return [{ ...world, late: { over, row, now } }]
  return [world]
}

/** The policy `merge`, with its guarded key `user`; `undefined` is a conflict. */
function merge(base: Content, mine: Content, theirs: Content): Content | undefined {
  const keys = new Set([base, mine, theirs].flatMap(Object.keys))
  const differing = (other: Content) => [...keys].filter((key) => !isDeepStrictEqual(base[key], other[key]))
  const [here, there] = [differing(mine), differing(theirs)]
  if (there.length === 0) return mine
  if (here.length === 0) return theirs
  if (here.some((key) => there.includes(key)) || [...here, ...there].includes('user')) return undefined
  const merged: Record<string, unknown> = { ...theirs }
  for (const key of here) {
    if (key in mine) merged[key] = mine[key]
    else delete merged[key]
  }
  return merged
}

function know(world: World, request: number, known: Known): World {
  return { ...world, known: { ...world.known, [request]: known } }
}

function forget(world: World, request: number): World {
  const { [request]: _, ...known } = world.known
  return { ...world, known }
}
