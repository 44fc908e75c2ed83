// What a machine may lack of the programs that tests run against, each with the command that installs it; npm cannot
// bring these along. A test run that quietly tests less than another one is worse than a failing one.
import { execFile } from 'node:child_process'
import { findChromium } from '../examples/support/src/testing/chromium.ts'
import { javaMajorVersion } from './engines/src/java.ts'

const install = (debian, homebrew) =>
  process.platform === 'darwin' ? `brew install ${homebrew}` : `apt-get install -y ${debian}`

const runs = (program, flag) =>
  new Promise((resolve) => {
    execFile(program, [flag], (error) => resolve(error === null))
  })

/** The missing programs: what is not tested without them, the test files that need them, the command that installs. */
export async function missingPrograms() {
  const programs = [
    {
      name: 'Java 17',
      present: (await javaMajorVersion()) >= 17,
      untested: 'DynamoDB Local',
      install: install('default-jre-headless', 'openjdk'),
    },
    {
      name: 'Chromium',
      present: findChromium() !== undefined,
      untested: 'the pages in a browser',
      files: '**/*.browser.test.ts',
      install: install('chromium', '--cask chromium'),
    },
    {
      name: 'Python 3',
      present: await runs('python3', '--version'),
      untested: 'the second implementation of the record format',
      files: '**/*.python.test.ts',
      install: install('python3', 'python'),
    },
    {
      name: 'Spin and a C compiler',
      present: (await runs('spin', '-V')) && (await runs('cc', '--version')),
      untested: 'the formal model of the session protocol',
      files: '**/*.spin.test.ts',
      install: install('spin gcc libc6-dev', 'spin'),
    },
    {
      name: 'PgBouncer',
      present: await runs('pgbouncer', '--version'),
      untested: 'refreshes of tokens through a pooler',
      files: '**/*.pgbouncer.test.ts',
      install: install('pgbouncer', 'pgbouncer'),
    },
    {
      name: 'Linux',
      present: process.platform === 'linux',
      untested: 'that dropped keys leave the memory of the process',
      files: '**/*.linux.test.ts',
      install: 'run the tests on Linux',
    },
  ]
  return programs.filter((program) => !program.present)
}
