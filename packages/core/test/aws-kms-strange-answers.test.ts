/** What a client or a KMS could do that neither should. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { KMSClient, ListKeyRotationsCommand } from '@aws-sdk/client-kms'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsKeyringOptions, awsKmsKeyring, type KmsClientLike } from '../src/aws-kms/index.ts'
import type { Keyring } from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'

const encryptionContext = { app: 'shop' }

let kms: FakeKms
let keyId: string
let client: KMSClient
beforeEach(async () => {
  kms = await startFakeKms()
  keyId = kms.createKey()
  client = new KMSClient({ ...kms.clientConfig(), maxAttempts: 1 })
})
afterEach(async () => {
  client.destroy()
  await kms.close()
})

const keyringOf = (options: Partial<AwsKmsKeyringOptions> = {}): Keyring => awsKmsKeyring({ client, keyId, ...options })

/** The client with every answer changed. */
function answering(change: (answer: Record<string, unknown>) => unknown): KmsClientLike {
  const send = async (command: never) => change((await client.send(command)) as never)
  return { config: client.config, send: send as never }
}

describe('a call of KMS', () => {
  it('ends after 3 seconds also where the Region is never found out', async () => {
    const hanging: KmsClientLike = { config: { region: () => new Promise(() => {}) }, send: client.send }
    const keyring = keyringOf({ client: hanging })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  }, 10_000)

  it('that is answered too late leaves no key in what nobody takes', async () => {
    const answers: Uint8Array[] = []
    const late = answering(async (answer) => {
      answers.push(answer.Plaintext as Uint8Array)
      await sleep(3100)
      return answer
    })
    const keyring = keyringOf({ client: late })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    await sleep(300)
    expect(answers).toHaveLength(1)
    expect(Buffer.from(answers[0]!).equals(Buffer.alloc(32))).toBe(true)
  }, 10_000)

  it('is no refusal when the provider of credentials is refused, whatever its error is named', async () => {
    const credentials = async () => {
      throw Object.assign(new Error('not with this token'), { name: 'AccessDeniedException' })
    }
    const refused = new KMSClient({ ...kms.clientConfig(), credentials, maxAttempts: 1 })
    const keyring = keyringOf({ client: refused })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    expect(kms.calls).toEqual([])
  })

  it('answered with broken JSON shows no part of it', async () => {
    const plaintext = Buffer.alloc(32, 0xa7).toString('base64')
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(`{"KeyId":"${keyId}","CiphertextBlob":"AAAA","Plaintext":${plaintext}}`)
    }).listen(0)
    await once(server, 'listening')
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const misled = new KMSClient({ ...kms.clientConfig(), endpoint, maxAttempts: 1 })
    try {
      const error: unknown = await keyringOf({ client: misled })
        .generateDataKey(encryptionContext)
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE', cause: { name: 'SyntaxError' } })
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(plaintext.slice(0, 8))
    } finally {
      misled.destroy()
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('minimumKeyDate', () => {
  const minimumKeyDate = new Date('2021-01-01')

  it('seals nothing when KMS does not say the material, as nothing would open it', async () => {
    kms.rotateKey(keyId, new Date('2022-01-01'))
    const silent = answering((answer) => ({ ...answer, KeyMaterialId: undefined }))
    const keyring = keyringOf({ client: silent, minimumKeyDate })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_CONFIG')
  })

  it('does not follow a list of rotations that has no end', async () => {
    let pages = 0
    const send = async (command: object): Promise<unknown> => {
      if (!(command instanceof ListKeyRotationsCommand)) return client.send(command as never)
      pages++
      return { Rotations: [], NextMarker: 'again' }
    }
    const endless: KmsClientLike = { config: client.config, send: send as never }
    const keyring = keyringOf({ client: endless, minimumKeyDate })
    expect(await codeOf(() => keyring.generateDataKey(encryptionContext))).toBe('ERR_WAXSEAL_CONFIG')
    expect(pages).toBe(100)
  })
})

describe('the options', () => {
  it('a key that is named twice is asked once', async () => {
    const { wrappedKeys } = await keyringOf().generateDataKey(encryptionContext)
    const bent = wrappedKeys.map((key) => ({
      ...key,
      wrapped: key.wrapped.map((byte, i) => (i === 100 ? byte ^ 1 : byte)),
    }))
    const id = keyId.split('/')[1]!
    kms.forgetCalls()
    const keyring = keyringOf({ decryptKeyIds: [keyId, id, keyId] })
    expect(await codeOf(() => keyring.unwrapDataKey(bent, encryptionContext))).toBe('ERR_WAXSEAL_INTEGRITY')
    expect(kms.calls).toHaveLength(1)
  })

  it('a list that is none is refused', () => {
    expect(codeOfSync(() => keyringOf({ decryptKeyIds: keyId as never }))).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(codeOfSync(() => keyringOf({ alsoWrapFor: { client, keyId } as never }))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})
