// Does one thing in a process that has never called KMS: `process.ts DEED COUNT ENDPOINT KEY_ARN`.
import { randomUUID } from 'node:crypto'
import { createEnvelope, type Envelope } from '@waxseal/core'
import { MemorySessionStore } from '@waxseal/session'
import { report } from '../../child.ts'
import { keyringAt } from '../keyring.ts'
import { esdk } from './esdk.ts'

export interface Done {
  /** How many times. */
  readonly done: number
}

const [deed = '', count = '', endpoint = '', keyId = ''] = process.argv.slice(2)
const numbers = Array.from({ length: Number(count) }, (_, i) => i)
const encryptionContext = { app: 'bench', purpose: 'session' }
/** How many requests a busy process works on at once. */
const AT_ONCE = 100

const newEnvelope = (cache = true): Envelope =>
  createEnvelope({ keyring: keyringAt(endpoint, keyId), encryptionContext: { app: 'bench' }, cache })
const place = (i: number) => ({ table: 'sessions', key: String(i) })

/** Sets and reads every session once, by the real store. */
async function setAndRead(envelope: Envelope): Promise<number> {
  const store = new MemorySessionStore({ envelope })
  let read = 0
  for (let i = 0; i < numbers.length; i += AT_ONCE) {
    await Promise.all(
      numbers.slice(i, i + AT_ONCE).map(async (n) => {
        const id = randomUUID()
        await store.set(id, { cookie: { path: '/' }, user: n })
        if ((await store.get<{ user?: number }>(id))?.user === n) read++
      }),
    )
  }
  return read
}

const deeds = {
  sessions: () => setAndRead(newEnvelope()),
  'sessions-without-cache': () => setAndRead(newEnvelope(false)),
  async seals() {
    const envelope = newEnvelope()
    return (await Promise.all(numbers.map((i) => envelope.seal('x', place(i))))).length
  },
  /** One record, of an envelope that shares nothing with the one that opens it. */
  async opens() {
    const record = await newEnvelope().seal('x', place(0))
    const envelope = newEnvelope()
    return (await Promise.all(numbers.map(() => envelope.openText(record, place(0))))).length
  },
  async contexts() {
    const envelope = newEnvelope()
    let done = 0
    for (const i of numbers) {
      await envelope.seal('x', place(i))
      done++
    }
    return done
  },
  async 'esdk-seals'() {
    const { seal } = esdk(endpoint, keyId)
    return (await Promise.all(numbers.map(() => seal(encryptionContext)))).length
  },
  async 'esdk-opens'() {
    const message = await esdk(endpoint, keyId).seal(encryptionContext)
    const { open } = esdk(endpoint, keyId)
    return (await Promise.all(numbers.map(() => open(message)))).length
  },
  /** Its only way to bind a record to its row is the encryption context. */
  async 'esdk-contexts'() {
    const { seal } = esdk(endpoint, keyId)
    let done = 0
    for (const i of numbers) {
      await seal({ ...encryptionContext, ...place(i) })
      done++
    }
    return done
  },
}
export type Deed = keyof typeof deeds

report({ done: await deeds[deed as Deed]() } satisfies Done)
