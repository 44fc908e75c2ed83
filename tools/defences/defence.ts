/** One place in a source file that a defence lives in, and what stands there without it. */
export interface Replacement {
  readonly file: string
  readonly code: string
  readonly without: string
}

/** Something that withstands an attack, how to take it away, and the test that must then fail. */
export interface Defence {
  /** Number in {@link attacks}. */
  readonly attack: number
  /** What is lost, in a few words. */
  readonly defence: string
  readonly patch: readonly Replacement[]
  readonly testFile: string
  /** Full name of one test: the titles of its groups and its own, joined by spaces. */
  readonly test: string
}

/** Exact text and no diff: it is found wherever it moves, and nothing but itself makes it stale. */
export function replace(file: string, code: string, without: string): Replacement {
  return { file, code, without }
}

export function remove(file: string, code: string): Replacement {
  return replace(file, code, '')
}

/** The source with a defence taken away; throws when the code is not there exactly once. */
export function apply(source: string, { file, code, without }: Replacement): string {
  const found = source.split(code).length - 1
  if (found === 1) return source.replace(code, () => without)
  const where = found === 0 ? 'is no longer there' : `is there ${found} times`
  throw new Error(
    `${file}: this code ${where}, so bring the list up to date:\n      ${code.replaceAll('\n', '\n      ')}`,
  )
}
