import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { trackedFiles } from '../checks/workspace.mjs'

/**
 * A copy of the working tree, without what git ignores, that tests can run in. Its packages see each other and not the
 * originals: the links in every node_modules are relative, so made anew they lead to a neighbour in the copy. Only the
 * packages from the registry are those of the original.
 */
export function makeScratchCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'waxseal-defences-'))
  const files = trackedFiles()
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(file, join(copy, file))
  }
  for (const manifest of files.filter((file) => /(^|\/)package\.json$/.test(file))) {
    const modules = join(dirname(manifest), 'node_modules')
    if (existsSync(modules)) copyLinks(modules, join(copy, modules))
  }
  return copy
}

function copyLinks(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else if (entry.name === '.pnpm') symlinkSync(resolve(source), target)
    else if (entry.isDirectory() && entry.name.startsWith('@')) copyLinks(source, target)
  }
}
