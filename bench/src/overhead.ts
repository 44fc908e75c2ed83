import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import type { Row } from './row.ts'

const limit = 200

/** Bytes that a record of 1 KiB takes beyond its plaintext, under a local keyring. */
export async function recordOverhead(): Promise<Row[]> {
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench' } })
  const plaintext = new Uint8Array(1024)
  const value = (await envelope.seal(plaintext, { key: 'k' })).length - plaintext.length
  const target = `≤ ${limit} B`
  return [
    {
      name: 'record-overhead',
      unit: 'B',
      value,
      baseline: null,
      ratio: null,
      target,
      ok: value <= limit,
      control: null,
    },
  ]
}
