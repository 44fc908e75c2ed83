/**
 * Holds two data keys under a KMS key, one generated and one unwrapped, until its parent says how that ends:
 * `hold-data-keys.ts ENDPOINT KEY_ARN RECORD`. It never sees the bytes that the parent looks for in its memory.
 */
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { KMSClient } from '@aws-sdk/client-kms'
import { fakeClock } from '@waxseal/testing'
import { awsKmsKeyring } from '../../src/aws-kms/index.ts'
import { createEnvelope, type Keyring } from '../../src/index.ts'
import { codeOf } from './codes.ts'
import { encryptionContext, place } from './held-data-keys.ts'

const REVALIDATE_SECONDS = 300

const [endpoint = '', keyId = '', foreign = ''] = process.argv.slice(2)
const credentials = { accessKeyId: 'fake', secretAccessKey: 'fake' }
const client = new KMSClient({ endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 })
/** As another author might write one: the bytes of an array of this size lie in V8's heap. */
const keyring = handingOutSmallArrays(awsKmsKeyring({ client, keyId }))
const clock = fakeClock()
const envelope = createEnvelope({ keyring, encryptionContext, clock, revalidateSeconds: REVALIDATE_SECONDS })
const record = await envelope.seal('sealed here', place)
await envelope.openText(foreign, place)
process.send?.(Buffer.from(record).toString('base64'))

const [ending] = await once(process, 'message')
if (ending === 'revoked') clock.advanceSeconds(REVALIDATE_SECONDS)
if (ending === 'disposed') envelope.dispose()
const codes = [await codeOf(() => envelope.open(record, place)), await codeOf(() => envelope.open(foreign, place))]
for (let i = 0; i < 2; i++) {
  globalThis.gc?.()
  // What was collected is given up between turns.
  await nextTurn()
}
process.send?.(codes)
// Until the parent has looked.
await once(process, 'disconnect')

function handingOutSmallArrays(inner: Keyring): Keyring {
  const moved = <DataKey extends { plaintextKey: Uint8Array }>(dataKey: DataKey): DataKey => {
    const plaintextKey = new Uint8Array(dataKey.plaintextKey)
    dataKey.plaintextKey.fill(0)
    return { ...dataKey, plaintextKey }
  }
  return {
    ...inner,
    generateDataKey: async (...rest) => moved(await inner.generateDataKey(...rest)),
    unwrapDataKey: async (...rest) => moved(await inner.unwrapDataKey(...rest)),
  }
}
