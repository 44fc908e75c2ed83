import { execFile } from 'node:child_process'

/** Major version of the `java` on the path, 0 when there is none. */
export function javaMajorVersion(): Promise<number> {
  return new Promise((resolve) => {
    // `java -version` prints to stderr: openjdk version "17.0.15" 2025-04-15
    execFile('java', ['-version'], (error, _stdout, stderr) => {
      resolve(error ? 0 : Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0))
    })
  })
}
