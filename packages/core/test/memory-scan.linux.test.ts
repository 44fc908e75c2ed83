/** No data key stays in memory: looked for from outside, as in a core dump. Only Linux shows a process's memory. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { awsKmsKeyring } from '../src/aws-kms/index.ts'
import { createEnvelope, recordToText } from '../src/index.ts'
import { parseRecord } from '../src/record.ts'
import { encryptionContext, place } from './support/held-data-keys.ts'
import { countInMemory } from './support/memory.ts'

const program = fileURLToPath(new URL('support/hold-data-keys.ts', import.meta.url))

let kms: FakeKms
let keyId: string
let client: KMSClient
beforeEach(async () => {
  kms = await startFakeKms()
  keyId = kms.createKey()
  client = new KMSClient(kms.clientConfig())
})
afterEach(async () => {
  client.destroy()
  await kms.close()
})

/** The next message of a process, which must not end before it. */
async function message<Message>(child: ChildProcess): Promise<Message> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with code ${code}`)
  })
  const [value] = await Promise.race([once(child, 'message'), ended])
  return value as Message
}

async function dataKeyOf(record: Uint8Array): Promise<Buffer> {
  const CiphertextBlob = parseRecord(record).wrappedKeys[0]?.wrapped
  const command = new DecryptCommand({ CiphertextBlob, KeyId: keyId, EncryptionContext: encryptionContext })
  return Buffer.from((await client.send(command)).Plaintext ?? [])
}

it.each([
  ['revoked', 'ERR_WAXSEAL_KEY_DENIED'],
  ['disposed', 'ERR_WAXSEAL_ARGUMENT'],
])('data keys that are %s are found nowhere in memory, and those held are', async (ending, code) => {
  const foreign = await createEnvelope({ keyring: awsKmsKeyring({ client, keyId }), encryptionContext }).seal(
    'x',
    place,
  )
  const child = fork(program, [kms.endpoint, keyId, recordToText(foreign)], {
    execArgv: ['--expose-gc', '--conditions=waxseal-source', '--import=tsx'],
  })
  try {
    const generated = await dataKeyOf(Buffer.from(await message<string>(child), 'base64'))
    const unwrapped = await dataKeyOf(foreign)
    // The SDK takes keys out of a JSON text, whose strings nobody can overwrite: counted, and stated in SECURITY.md.
    const text = generated.toString('base64')
    const count = () =>
      countInMemory(child.pid ?? 0, {
        generated,
        unwrapped,
        latin1: Buffer.from(text, 'latin1'),
        utf16: Buffer.from(text, 'utf16le'),
      })
    const held = count()
    expect(held.generated).toBeGreaterThan(0)
    expect(held.unwrapped).toBeGreaterThan(0)

    kms.setKeyState(keyId, 'Disabled')
    child.send(ending)
    expect(await message(child)).toEqual([code, code])
    const left = count()
    process.stdout.write(
      `base64 texts of a data key in memory, latin1 and UTF-16: ${held.latin1} and ${held.utf16} while it is held, ` +
        `${left.latin1} and ${left.utf16} once it is ${ending}\n`,
    )
    expect(left).toMatchObject({ generated: 0, unwrapped: 0 })
  } finally {
    child.kill('SIGKILL')
  }
})
