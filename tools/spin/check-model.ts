import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What Spin found in all that a model can do. */
export interface Checked {
  /** The assertion that does not hold, as `!(lost)`, or what else was wrong; `undefined` where nothing was. */
  readonly violation: string | undefined
  /** How many different states there are, up to the violation. */
  readonly states: number
}

/**
 * Searches every state of the Promela model in `file`, with `macros` as `NAME` or `NAME=VALUE`. Needs `spin` and a C
 * compiler, `cc`. Throws where the model is no valid Promela, or where the search could not be finished.
 */
export async function checkModel(file: string, macros: readonly string[]): Promise<Checked> {
  const cwd = await mkdtemp(join(tmpdir(), 'waxseal-spin-'))
  try {
    await run('spin', ['-a', ...macros.map((macro) => `-D${macro}`), file], { cwd })
    // A search that is to end at a violation ends soon: compiling costs it more than it gains.
    const optimise = macros.some((macro) => macro.startsWith('WITHOUT_')) ? '-O0' : '-O1'
    // No temporal claims, states compressed, at most 3 GB of memory.
    const flags = [optimise, '-w', '-DSAFETY', '-DNOCLAIM', '-DCOLLAPSE', '-DMEMLIM=3000']
    await run('cc', [...flags, '-o', 'pan', 'pan.c'], { cwd })
    // -n: no list of the code that was not reached, which a model without a fault has as well.
    const { stdout } = await run(join(cwd, 'pan'), ['-m100000', '-n'], { cwd, maxBuffer: 64 << 20 })
    return readReport(stdout)
  } finally {
    await rm(cwd, { recursive: true })
  }
}

function readReport(report: string): Checked {
  const errors = /errors: (\d+)/.exec(report)?.[1]
  const states = /(\d+) states, stored/.exec(report)?.[1]
  const unfinished = /Search not completed|max search depth too small|out of memory/i.test(report)
  if (errors === undefined || states === undefined || (errors === '0' && unfinished)) {
    throw new Error(`Spin did not finish its search:\n${report}`)
  }
  const message = /^pan:\d+: (?:assertion violated\s*)?(.+?) \(at depth/m.exec(report)?.[1]
  return { violation: errors === '0' ? undefined : (message ?? report), states: Number(states) }
}
