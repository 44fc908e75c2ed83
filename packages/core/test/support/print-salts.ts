/** Prints the salts of a number of records, one a line: `print-salts.ts KEY COUNT`. */
import { createEnvelope, localKeyring } from '../../src/index.ts'
import { parseRecord } from '../../src/record.ts'

const [key, count] = process.argv.slice(2)
const envelope = createEnvelope({ keyring: localKeyring(key), encryptionContext: { app: 'test' } })
const sealer = await envelope.prepare()
const salts: string[] = []
for (let i = 0; i < Number(count); i++) {
  const { payload } = parseRecord(sealer.seal('x', { id: '1' }))
  salts.push(Buffer.from(payload.subarray(0, 24)).toString('base64url'))
}
process.stdout.write(`${salts.join('\n')}\n`)
