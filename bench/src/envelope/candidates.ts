import { randomBytes } from 'node:crypto'
import { createEnvelope, generateKey, localKeyring, type RecordContext } from '@waxseal/core'
import { esdkSealers } from './esdk.ts'
import { naiveOpen, naiveSeal } from './naive.ts'
import type { Operation } from './operation.ts'

const plaintext = randomBytes(1024)
const count = 256

// As a store has them: no two records share a context.
const contexts: RecordContext[] = Array.from({ length: count }, () => ({
  purpose: 'session',
  table: 'sessions',
  key: randomBytes(32).toString('base64url'),
}))
const contextOf = (i: number): RecordContext => contexts[i % count] as RecordContext

const newEnvelope = () =>
  createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench', purpose: 'session' } })

/** The candidates of one row by name; `control` is the baseline once more. */
export async function candidates(row: string): Promise<Record<string, Operation>> {
  const envelope = newEnvelope()
  const key = randomBytes(32)
  const seal: Operation = (i) => envelope.seal(plaintext, contextOf(i))
  const naive: Operation = () => naiveSeal(key, plaintext)
  switch (row) {
    case 'seal-1k':
      return { waxseal: seal, naive, control: () => naiveSeal(key, plaintext) }
    case 'open-1k': {
      const records = await Promise.all(contexts.map((context) => envelope.seal(plaintext, context)))
      const sealed = contexts.map(() => naiveSeal(key, plaintext))
      const open = (i: number) => naiveOpen(key, sealed[i % count] as Buffer)
      return {
        waxseal: (i) => envelope.open(records[i % count] as Uint8Array, contextOf(i)),
        naive: open,
        control: (i) => naiveOpen(key, sealed[i % count] as Buffer),
      }
    }
    case 'seal-1k-esdk':
      return { waxseal: seal, ...esdkSealers(plaintext) }
    default:
      throw new Error(`no candidates for ${row}`)
  }
}
