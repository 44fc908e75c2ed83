// What is published is not what the tests import: another exports map, built files, ESM and CJS, copies side by side.
// So this packs the tarballs, installs them as an app would, and uses them on every Node and in every resolution mode.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDynalite } from '../engines/src/index.ts'
import { publishedPackages } from './workspace.mjs'

const nodeMajors = [20, 22, 24]
const resolutions = { node16: 'node16', nodenext: 'nodenext', bundler: 'esnext' }
const dependencies = [
  ...['@aws-sdk/client-dynamodb@3', '@aws-sdk/client-kms@3'],
  ...['fastify@5', '@fastify/session@11', '@fastify/cookie@11', 'express-session@1', '@types/express-session@1'],
  ...['drizzle-orm@0.45', 'pg@8', '@types/pg@8', 'openid-client@6'],
  '@types/node@20',
  ...nodeMajors.map((major) => `node${major}@npm:node-${process.platform}-${process.arch}@${major}`),
]

const fixtures = fileURLToPath(new URL('packaging/', import.meta.url))
const app = mkdtempSync(join(tmpdir(), 'waxseal-packaging-'))
process.on('exit', () => rmSync(app, { recursive: true, force: true }))

/** Runs a command and reports its output when it fails; never rejects. */
function run(what, command, args, cwd = '.') {
  return new Promise((done) => {
    execFile(command, args, { cwd, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error) {
        console.error(`${what}\n${stdout}${stderr || error.message}`)
        process.exitCode = 1
      }
      done()
    })
  })
}

/** As `run`, and stops here on failure: the rest depends on it. */
async function demand(...call) {
  await run(...call)
  if (process.exitCode) process.exit()
}

const bin = (name) => resolve('node_modules/.bin', name)
const pnpm = (...args) => ['npx', ['-y', 'pnpm@12', ...args]]

await demand('The build failed:', ...pnpm('build'))
for (const { folder } of publishedPackages()) {
  await demand(`${folder} cannot be packed:`, ...pnpm('pack', '--pack-destination', app), folder)
}
const tarballs = readdirSync(app).filter((name) => name.endsWith('.tgz'))
for (const tarball of tarballs) {
  await run(`publint on ${tarball}:`, bin('publint'), ['run', join(app, tarball), '--strict'])
  // node10 cannot resolve the subpaths of an exports map at all.
  await run(`attw on ${tarball}:`, bin('attw'), [join(app, tarball), '--profile', 'node16'])
}

writeFileSync(join(app, 'package.json'), '{ "private": true }')
const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']
const wanted = [...tarballs.map((name) => `./${name}`), ...dependencies]
await demand('The tarballs cannot be installed:', 'npm', ['install', ...quiet, ...wanted], app)

for (const file of readdirSync(fixtures)) copyFileSync(join(fixtures, file), join(app, file))
// The same consumers as ES module and as CommonJS. Drizzle's types import every driver that it knows, installed or not.
const consumers = { consumer: {}, 'consumer-drizzle': { skipLibCheck: true } }
for (const [consumer, options] of Object.entries(consumers)) {
  for (const extension of ['mts', 'cts'])
    copyFileSync(join(app, `${consumer}.ts`), join(app, `${consumer}.${extension}`))
  rmSync(join(app, `${consumer}.ts`))
  for (const [moduleResolution, module] of Object.entries(resolutions)) {
    const target = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true, types: ['node'] }
    const project = join(app, `tsconfig.${consumer}.${moduleResolution}.json`)
    writeFileSync(project, JSON.stringify({ compilerOptions: { ...target, ...options }, include: [`${consumer}.*`] }))
    await run(`Types of ${consumer} under ${moduleResolution}:`, bin('tsc'), ['-p', project])
  }
}

const engine = await startDynalite()
for (const major of nodeMajors) {
  const node = join(app, `node_modules/node${major}/bin/node`)
  for (const file of ['app.mjs', 'app.cjs', 'copies.mjs']) {
    await run(`${file} on Node ${major}:`, node, [file, engine.endpoint], app)
  }
}
await engine.stop()
