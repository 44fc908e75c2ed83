// What a machine may lack of the programs that tests run against, each with the command that installs it; npm cannot
// bring these along. A test run that quietly tests less than another one is worse than a failing one.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { javaMajorVersion } from './engines/src/java.ts'

const install = (debian, homebrew) =>
  process.platform === 'darwin' ? `brew install ${homebrew}` : `apt-get install -y ${debian}`

/** Path of a Chromium or Chrome, or undefined. */
export function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const folders = (process.env.PATH ?? '').split(delimiter)
  const mac = [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ]
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...mac].find((path) =>
    existsSync(path),
  )
}

/** The programs that are missing: name, what is not tested without them, the command that installs them. */
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
      install: install('chromium', '--cask chromium'),
    },
  ]
  return programs.filter((program) => !program.present)
}
