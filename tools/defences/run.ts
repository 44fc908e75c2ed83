// `pnpm defences [ATTACK ...]`: takes every defence away, one at a time, in a copy of the working tree, and demands that
// the test meant for it fails. A test that passes with and without its defence proves nothing; here it is found out.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { attacks } from './attacks.ts'
import { apply, type Defence } from './defence.ts'
import { batches } from './list/batches.ts'
import { conflicts } from './list/conflicts.ts'
import { dataKeys } from './list/data-keys.ts'
import { database } from './list/database.ts'
import { encodings } from './list/encodings.ts'
import { keyrings } from './list/keyrings.ts'
import { records } from './list/records.ts'
import { revocation } from './list/revocation.ts'
import { secrets } from './list/secrets.ts'
import { sessions } from './list/sessions.ts'
import { users } from './list/users.ts'
import { vault } from './list/vault.ts'
import { version1 } from './list/version1.ts'
import { makeScratchCopy } from './scratch-copy.ts'
import { startSharedDatabases } from './start-databases.ts'
import { runTests, testId } from './test-run.ts'

/**
 * A failed expectation, an error of ours where none was expected, or the plain Error of a helper. Anything else, a
 * SyntaxError or the end of the test's time, says nothing of the defence.
 */
const EXPECTATION = /^(AssertionError|Waxseal(Type)?Error|Error: (?!.*timed out))/

const RUN_OF_ALL_MS = 15 * 60_000
const RUN_OF_ONE_MS = 2 * 60_000

const wanted = process.argv.slice(2).map(Number)
if (wanted.some((attack) => !(attack in attacks))) throw new Error(`Attacks are ${Object.keys(attacks).join(', ')}.`)
const isWanted = (attack: number): boolean => wanted.length === 0 || wanted.includes(attack)
const list = [
  ...records,
  ...encodings,
  ...dataKeys,
  ...revocation,
  ...keyrings,
  ...version1,
  ...secrets,
  ...sessions,
  ...users,
  ...conflicts,
  ...database,
  ...batches,
  ...vault,
]
  .filter(({ attack }) => isWanted(attack))
  .sort((a, b) => a.attack - b.attack)

const outdated = [...attacksWithoutDefence(), ...list.flatMap(staleness)]
if (outdated.length > 0) end('The list is out of date:', outdated)
else {
  if (list.length > 0) await takeAwayAll()
  for (const [number, { title, notYet }] of Object.entries(attacks)) {
    if (notYet !== undefined && isWanted(Number(number)))
      console.log(`${number.padStart(2)}  not yet: ${title}: ${notYet}`)
  }
}

async function takeAwayAll(): Promise<void> {
  const copies = Array.from({ length: Math.min(availableParallelism(), 4) }, makeScratchCopy)
  const stopDatabases = await startSharedDatabases()
  try {
    const notGreen = await testsThatFailAnyway(copies[0] as string)
    if (notGreen.length > 0) return end('Before any defence is taken away:', notGreen)
    const queue = [...list]
    const failures = (await Promise.all(copies.map((copy) => takeAwayEach(copy, queue)))).flat()
    end(
      `${failures.length} of ${list.length} defences can be taken away without the test meant for them failing.`,
      failures,
    )
  } finally {
    await stopDatabases()
    for (const copy of copies) rmSync(copy, { recursive: true })
  }
}

function end(heading: string, problems: readonly string[]): void {
  console.log([heading, ...problems].join('\n'))
  process.exitCode = problems.length === 0 ? 0 : 1
}

function attacksWithoutDefence(): string[] {
  const covered = new Set(list.map(({ attack }) => attack))
  return Object.entries(attacks)
    .filter(([number, { notYet }]) => isWanted(Number(number)) && !covered.has(Number(number)) && notYet === undefined)
    .map(([number, { title }]) => `Attack ${number} (${title}) has no defence, and no reason why not.`)
}

function staleness({ patch, defence }: Defence): string[] {
  try {
    for (const replacement of patch) apply(readFileSync(replacement.file, 'utf8'), replacement)
    return []
  } catch (error) {
    return [`${defence}: ${(error as Error).message}`]
  }
}

/** A test that fails anyway, or is not there, would look like one that its missing defence makes fail. */
async function testsThatFailAnyway(copy: string): Promise<string[]> {
  const files = [...new Set(list.map(({ testFile }) => testFile))]
  const results = await runTests(copy, files, [...new Set(list.map(({ test }) => test))], RUN_OF_ALL_MS)
  const ids = new Set(list.map(({ testFile, test }) => testId(testFile, test)))
  return [...ids]
    .filter((id) => results.get(id)?.status !== 'passed')
    .map((id) => `${results.has(id) ? 'fails' : 'is not there'}: ${id}`)
}

/** Gives the defences whose test did not fail as it must. */
async function takeAwayEach(copy: string, queue: Defence[]): Promise<string[]> {
  const failures: string[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const begun = performance.now()
    const outcome = await outcomeWithout(next, copy)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    const { attack, defence, testFile, test } = next
    console.log(`${String(attack).padStart(2)}  ${outcome.padEnd(11)}  ${seconds.padStart(4)} s  ${defence}`)
    console.log(`                         ${testId(testFile, test)}`)
    if (outcome !== 'red') failures.push(`${attack}  ${outcome}: ${defence}`)
  }
  return failures
}

async function outcomeWithout({ patch, testFile, test }: Defence, copy: string): Promise<string> {
  const files = [...new Set(patch.map(({ file }) => file))]
  const sources = new Map(files.map((file) => [file, readFileSync(join(copy, file), 'utf8')]))
  try {
    for (const replacement of patch) {
      const path = join(copy, replacement.file)
      writeFileSync(path, apply(readFileSync(path, 'utf8'), replacement))
    }
    const results = await runTests(copy, [testFile], [test], RUN_OF_ONE_MS)
    const result = results.get(testId(testFile, test))
    if (result?.status === 'passed') return 'STILL GREEN'
    const message = result?.message ?? results.get(testFile)?.message ?? 'the test was not run'
    return result !== undefined && EXPECTATION.test(message) ? 'red' : `OTHERWISE (${message.split('\n')[0]})`
  } catch (error) {
    return `OTHERWISE (${(error as Error).message.split('\n')[0]})`
  } finally {
    for (const [file, source] of sources) writeFileSync(join(copy, file), source)
  }
}
