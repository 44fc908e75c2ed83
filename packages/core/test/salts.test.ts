import { spawn } from 'node:child_process'
import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { generateKey, localKeyring } from '../src/index.ts'
import { encodeHeader } from '../src/record.ts'
import { sealRecord } from '../src/seal-record.ts'

// The cipher is most of the time that a record takes, and no part of where its salt comes from.
vi.mock('../src/payload.ts', async (importOriginal) => ({ ...(await importOriginal<object>()), sealPayload: () => {} }))

const SALTS_OF_A_THREAD = 10_000
const program = fileURLToPath(new URL('support/print-salts.ts', import.meta.url))

/** The salts that the two threads of a process of its own give their records, all under the same root key. */
async function saltsOf(key: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, key, String(SALTS_OF_A_THREAD)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(status).toBe(0)
  return output.trim().split('\n')
}

it('a million records under one data key have a million salts', async () => {
  const { plaintextKey, wrappedKeys } = await localKeyring(generateKey()).generateDataKey({ app: 'test' })
  const sealKey = { key: createSecretKey(plaintextKey), header: encodeHeader(wrappedKeys) }
  const [context, plaintext] = [randomBytes(8), new Uint8Array(1)]
  const salts = new Set<string>()
  for (let i = 0; i < 1_000_000; i++) {
    const record = sealRecord(sealKey, 'bytes', context, plaintext)
    salts.add(Buffer.from(record.buffer, sealKey.header.length, 24).toString('latin1'))
  }
  expect(salts.size).toBe(1_000_000)
}, 120_000)

it('two processes of two threads each share no salt under one key, and none repeats one', async () => {
  const key = generateKey()
  const [a, b] = await Promise.all([saltsOf(key), saltsOf(key)])
  expect(a).toHaveLength(2 * SALTS_OF_A_THREAD)
  expect(b).toHaveLength(2 * SALTS_OF_A_THREAD)
  expect(new Set([...a, ...b]).size).toBe(4 * SALTS_OF_A_THREAD)
})
