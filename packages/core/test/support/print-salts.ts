/** Prints the salts of as many records from each of two threads, one a line: `print-salts.ts KEY COUNT`. */
import { once } from 'node:events'
import { isMainThread, Worker } from 'node:worker_threads'
import { createEnvelope, localKeyring } from '../../src/index.ts'
import { parseRecord } from '../../src/record.ts'

const argv = process.argv.slice(2)
const [key, count] = argv
// A worker of Node 20 does not inherit the loader that reads TypeScript.
const code = `import('tsx/esm/api').then(({ register }) => register() && import(${JSON.stringify(import.meta.url)}))`
const worker = isMainThread ? new Worker(code, { argv, eval: true }) : undefined
const envelope = createEnvelope({ keyring: localKeyring(key), encryptionContext: { app: 'test' } })
const sealer = await envelope.prepare()
const salts: string[] = []
for (let i = 0; i < Number(count); i++) {
  const { payload } = parseRecord(sealer.seal('x', { id: '1' }))
  salts.push(Buffer.from(payload.subarray(0, 24)).toString('base64url'))
}
process.stdout.write(`${salts.join('\n')}\n`)
if (worker !== undefined) await once(worker, 'exit')
