// Who may import whom: core <- session <- dynamodb and drizzle, and testing imports none of ours. TypeScript would happily follow
// an import that makes a cycle, pulls an SDK into core, or works here only because the workspace hoists it.
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'
import { finish, publishedPackages, trackedFiles, workspacePackages } from './workspace.mjs'

/**
 * What each package may import of ours, and of everybody else; a new package is refused until it stands here.
 * `apart` is a folder behind a subpath export of its own, with what it alone may import; the rest never imports it.
 */
const direction = {
  '@waxseal/core': { ours: [], others: [], apart: { folder: 'src/aws-kms/', others: ['@aws-sdk/client-kms'] } },
  '@waxseal/session': { ours: ['@waxseal/core'], others: [] },
  '@waxseal/dynamodb': { ours: ['@waxseal/core', '@waxseal/session'], others: ['@aws-sdk/client-dynamodb'] },
  '@waxseal/drizzle': {
    ours: ['@waxseal/core', '@waxseal/session'],
    others: ['drizzle-orm'],
    apart: { folder: 'src/providers/', others: ['openid-client'] },
  },
  '@waxseal/testing': { ours: [], others: [] },
}

const files = trackedFiles()
const problems = []

for (const { folder, manifest } of publishedPackages()) {
  const { name, dependencies = {}, peerDependencies = {} } = manifest
  const allowed = direction[name]
  if (!allowed) {
    problems.push(`${name}: not in the direction table of this check`)
    continue
  }
  const declared = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)])
  if (name === '@waxseal/core' && Object.keys(dependencies).length > 0) problems.push(`${name}: has dependencies`)
  if (dependencies['@waxseal/core']) problems.push(`${name}: core must be a peer, so that an app has one copy of it`)

  for (const file of files.filter((path) => path.startsWith(`${folder}/src/`) && /\.[cm]?ts$/.test(path))) {
    for (const specifier of specifiers(file)) {
      const complaint = judge(specifier, file, folder, allowed, declared)
      if (complaint) problems.push(`${file}: '${specifier}' ${complaint}`)
    }
  }
}

for (const { folder, manifest } of workspacePackages()) {
  const shipped = folder.startsWith('packages/') || folder.startsWith('examples/')
  for (const name of ['@waxseal/engines', '@waxseal/suite']) {
    if (shipped && manifest.dependencies?.[name]) problems.push(`${folder}: ${name} is for tests alone`)
  }
  for (const name of ['@waxseal/dynamodb', '@waxseal/drizzle']) {
    if (manifest.name === '@waxseal/suite' && manifest.dependencies?.[name]) {
      problems.push(`${folder}: depends on ${name}, whose tests bring their database to it`)
    }
  }
}
finish(problems)

function specifiers(file) {
  const { importedFiles, referencedFiles, typeReferenceDirectives } = ts.preProcessFile(
    readFileSync(file, 'utf8'),
    true,
    true,
  )
  return [...importedFiles, ...referencedFiles, ...typeReferenceDirectives].map(({ fileName }) => fileName)
}

function judge(specifier, file, folder, allowed, declared) {
  const isApart = (path) => allowed.apart !== undefined && path.startsWith(`${folder}/${allowed.apart.folder}`)
  const others = isApart(file) ? [...allowed.others, ...allowed.apart.others] : allowed.others
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier)
    if (!isApart(file) && isApart(target)) return 'is behind a subpath of its own'
    return target.startsWith(`${folder}/src/`) ? undefined : 'leaves the package'
  }
  if (specifier.startsWith('node:')) return undefined
  if (builtinModules.includes(specifier)) return 'is a built-in module without its node: prefix'
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (name.startsWith('@waxseal/')) {
    if (!allowed.ours.includes(name)) return 'is against the direction'
  } else if (!others.includes(name)) return 'is not for this package'
  return declared.has(name) ? undefined : 'is declared neither as dependency nor as peer'
}
