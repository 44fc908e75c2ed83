import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

/** How a test ended; `message` is that of its first failure. */
export interface TestResult {
  readonly status: string
  readonly message: string
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/**
 * Runs tests of the given full names in a copy; gives how those ended that exist, under {@link testId}, and under its
 * path what kept a file from loading.
 * @throws Error when there is no report, in the end because Vitest was killed: a loop can keep its own time-outs away.
 */
export async function runTests(
  copy: string,
  files: readonly string[],
  tests: readonly string[],
  timeoutMilliseconds: number,
): Promise<Map<string, TestResult>> {
  const file = join(copy, 'report.json')
  const pattern = `^(${tests.map((test) => test.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})$`
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config=tools/defences/vitest.config.ts', ...files]
  const output = await outputOf(
    [...args, '-t', pattern, '--reporter=json', `--outputFile=${file}`],
    copy,
    timeoutMilliseconds,
  )
  let report: Report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    throw new Error(`Vitest gave no report. ${output}`)
  }
  rmSync(file)
  const results = new Map<string, TestResult>()
  for (const { name, message, assertionResults } of report.testResults) {
    const testFile = relative(copy, name).replaceAll('\\', '/')
    if (assertionResults.length === 0) results.set(testFile, { status: 'failed', message })
    for (const { fullName, status, failureMessages } of assertionResults) {
      if (status !== 'skipped') results.set(testId(testFile, fullName), { status, message: failureMessages[0] ?? '' })
    }
  }
  return results
}

export function testId(file: string, test: string): string {
  return `${file} > ${test}`
}

function outputOf(args: readonly string[], cwd: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that its workers and the databases that it started end with it.
    const child = spawn(process.execPath, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), timeout)
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(timer)
      resolve(output)
    })
  })
}
