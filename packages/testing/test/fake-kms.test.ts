/** The fake as the real SDK sees it: what it answers must be what KMS answers, down to the exception classes. */
import { randomBytes } from 'node:crypto'
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  InvalidMarkerException,
  KMSClient,
  KMSInternalException,
  KMSInvalidStateException,
  KMSServiceException,
  ListKeyRotationsCommand,
  ListKeysCommand,
  NotFoundException,
  paginateListKeyRotations,
  ReEncryptCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeKms, startFakeKms } from '../src/kms/index.ts'

let kms: FakeKms
let client: KMSClient
let KeyId: string
const EncryptionContext = { app: 'shop', purpose: 'session' }

beforeEach(async () => {
  kms = await startFakeKms()
  client = new KMSClient({ ...kms.clientConfig(), maxAttempts: 1 })
  KeyId = kms.createKey()
})
afterEach(async () => {
  client.destroy()
  await kms.close()
})

const generate = (keyId = KeyId) =>
  client.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext }))
const decrypt = (CiphertextBlob: Uint8Array | undefined, keyId: string | undefined = KeyId) =>
  client.send(new DecryptCommand({ CiphertextBlob, KeyId: keyId, EncryptionContext }))

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const result = await call.then(
    () => undefined,
    (error: Error) => error,
  )
  if (result === undefined) throw new Error('it succeeded')
  return result
}

describe('data keys', () => {
  it('come with 32 bytes, the ARN of the key, and a ciphertext of 184 bytes that decrypts to them', async () => {
    const dataKey = await generate()
    expect(dataKey.Plaintext).toHaveLength(32)
    expect(dataKey.CiphertextBlob).toHaveLength(184)
    expect(dataKey.KeyId).toBe(KeyId)
    const opened = await decrypt(dataKey.CiphertextBlob)
    expect(opened).toMatchObject({ KeyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
    expect(Buffer.from(opened.Plaintext!).equals(dataKey.Plaintext!)).toBe(true)
    expect((await generate()).Plaintext).not.toEqual(dataKey.Plaintext)
  })

  it('come without plaintext when asked so, and in other lengths', async () => {
    const input = { KeyId, NumberOfBytes: 64, EncryptionContext }
    const dataKey = await client.send(new GenerateDataKeyWithoutPlaintextCommand(input))
    expect(dataKey).not.toHaveProperty('Plaintext')
    expect((await decrypt(dataKey.CiphertextBlob)).Plaintext).toHaveLength(64)
    const both = new GenerateDataKeyCommand({ ...input, KeySpec: 'AES_256' })
    expect(await failureOf(client.send(both))).toMatchObject({ name: 'ValidationException' })
  })

  it('decrypt without a KeyId too, as KMS finds the key by the ciphertext', async () => {
    const { CiphertextBlob, Plaintext } = await generate()
    const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }))
    expect(Buffer.from(opened.Plaintext!).equals(Plaintext!)).toBe(true)
    expect(opened.KeyId).toBe(KeyId)
  })

  it('do not decrypt under another encryption context, in whatever way it differs', async () => {
    const { CiphertextBlob } = await generate()
    for (const other of [undefined, {}, { app: 'shop' }, { ...EncryptionContext, app: 'Shop' }]) {
      const command = new DecryptCommand({ CiphertextBlob, KeyId, EncryptionContext: other })
      expect(await failureOf(client.send(command))).toBeInstanceOf(InvalidCiphertextException)
    }
    const reordered = { purpose: 'session', app: 'shop' }
    await client.send(new DecryptCommand({ CiphertextBlob, KeyId, EncryptionContext: reordered }))
  })

  it('do not decrypt when any byte is changed or the end is missing', async () => {
    const { CiphertextBlob } = await generate()
    for (let i = 0; i < 184; i++) {
      const bent = Uint8Array.from(CiphertextBlob!)
      bent[i]! ^= 1
      const { name } = await failureOf(decrypt(bent))
      // Bytes 1 to 36 name the key.
      expect(name, `byte ${i}`).toBe(i >= 1 && i <= 36 ? 'IncorrectKeyException' : 'InvalidCiphertextException')
    }
    for (const length of [1, 152, 183]) {
      expect(await failureOf(decrypt(CiphertextBlob!.subarray(0, length)))).toBeInstanceOf(InvalidCiphertextException)
    }
  })

  it('do not decrypt under another key', async () => {
    const { CiphertextBlob } = await generate()
    expect(await failureOf(decrypt(CiphertextBlob, kms.createKey()))).toBeInstanceOf(IncorrectKeyException)
  })
})

it('Encrypt wraps what Decrypt gives back', async () => {
  const Plaintext = randomBytes(100)
  const { CiphertextBlob, KeyId: by } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))
  expect(by).toBe(KeyId)
  expect(Buffer.from((await decrypt(CiphertextBlob)).Plaintext!).equals(Plaintext)).toBe(true)
})

it('ReEncrypt moves a ciphertext to another key and encryption context', async () => {
  const { CiphertextBlob, Plaintext } = await generate()
  const DestinationKeyId = kms.createKey()
  const DestinationEncryptionContext = { app: 'other' }
  const moved = await client.send(
    new ReEncryptCommand({
      CiphertextBlob,
      SourceKeyId: KeyId,
      SourceEncryptionContext: EncryptionContext,
      DestinationKeyId,
      DestinationEncryptionContext,
    }),
  )
  expect(moved).toMatchObject({ SourceKeyId: KeyId, KeyId: DestinationKeyId })
  const command = { CiphertextBlob: moved.CiphertextBlob, KeyId: DestinationKeyId }
  const opened = await client.send(new DecryptCommand({ ...command, EncryptionContext: DestinationEncryptionContext }))
  expect(Buffer.from(opened.Plaintext!).equals(Plaintext!)).toBe(true)
})

describe('keys', () => {
  it.each([
    ['Disabled', DisabledException],
    ['PendingDeletion', KMSInvalidStateException],
  ] as const)('that are %s refuse everything but DescribeKey, until enabled again', async (state, type) => {
    const { CiphertextBlob } = await generate()
    kms.setKeyState(KeyId, state)
    expect(await failureOf(generate())).toBeInstanceOf(type)
    expect(await failureOf(decrypt(CiphertextBlob))).toBeInstanceOf(type)
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }))
    expect(KeyMetadata).toMatchObject({ Arn: KeyId, KeyState: state, Enabled: false, MultiRegion: false })
    expect(KeyMetadata?.CreationDate?.getTime()).toBeGreaterThan(Date.now() - 60_000)
    kms.setKeyState(KeyId, 'Enabled')
    await decrypt(CiphertextBlob)
  })

  it('that are deleted, of another Region, or were never there are not found', async () => {
    kms.deleteKey(KeyId)
    const elsewhere = kms.createKey({ region: 'us-east-1' })
    for (const keyId of [KeyId, elsewhere, 'alias/none', '00000000-0000-0000-0000-000000000000']) {
      expect(await failureOf(generate(keyId))).toBeInstanceOf(NotFoundException)
    }
  })

  it('are found by id, ARN, alias and ARN of the alias, and an alias can move on', async () => {
    const second = kms.createKey()
    const aliasArn = kms.setAlias('alias/shop', KeyId)
    for (const name of [KeyId, KeyId.split('/')[1], 'alias/shop', aliasArn]) {
      expect((await generate(name)).KeyId).toBe(KeyId)
    }
    kms.setAlias('alias/shop', second)
    expect((await generate('alias/shop')).KeyId).toBe(second)
  })

  it('rotate: new ciphertexts are under new material, old ones decrypt', async () => {
    const before = await generate()
    kms.rotateKey(KeyId)
    const after = await generate()
    expect(after.KeyMaterialId).not.toBe(before.KeyMaterialId)
    expect((await decrypt(before.CiphertextBlob)).KeyMaterialId).toBe(before.KeyMaterialId)
    expect((await decrypt(after.CiphertextBlob)).KeyMaterialId).toBe(after.KeyMaterialId)
  })

  it('list their rotations with dates, and the first material only when asked for', async () => {
    const first = (await generate()).KeyMaterialId
    expect(await client.send(new ListKeyRotationsCommand({ KeyId }))).toMatchObject({ Rotations: [], Truncated: false })
    const dates = [new Date('2030-01-01T00:00:00Z'), new Date('2031-06-01T12:00:00Z')]
    for (const date of dates) kms.rotateKey(KeyId, date)
    const { Rotations } = await client.send(new ListKeyRotationsCommand({ KeyId }))
    expect(Rotations?.map(({ RotationDate }) => RotationDate)).toEqual(dates)
    const all = await client.send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))
    expect(all.Rotations).toHaveLength(3)
    expect(all.Rotations?.[0]).toEqual({ KeyId, KeyMaterialId: first, KeyMaterialState: 'NON_CURRENT' })
    const current = all.Rotations?.find(({ KeyMaterialState }) => KeyMaterialState === 'CURRENT')
    expect(current).toEqual({ ...Rotations?.[1], KeyMaterialState: 'CURRENT' })
    expect((await generate()).KeyMaterialId).toBe(current?.KeyMaterialId)
  })

  it('list their rotations in pages, by default of 100', async () => {
    for (let i = 0; i < 101; i++) kms.rotateKey(KeyId)
    const page = await client.send(new ListKeyRotationsCommand({ KeyId }))
    expect([page.Rotations?.length, page.Truncated]).toEqual([100, true])
    const ids = new Set<string | undefined>()
    const sizes: (number | undefined)[] = []
    for await (const { Rotations } of paginateListKeyRotations({ client, pageSize: 40 }, { KeyId })) {
      sizes.push(Rotations?.length)
      for (const { KeyMaterialId } of Rotations ?? []) ids.add(KeyMaterialId)
    }
    expect(sizes).toEqual([40, 40, 21])
    expect(ids.size).toBe(101)
    const beyond = client.send(new ListKeyRotationsCommand({ KeyId, Marker: 'x' }))
    expect(await failureOf(beyond)).toBeInstanceOf(InvalidMarkerException)
    const tooMany = client.send(new ListKeyRotationsCommand({ KeyId, Limit: 1001 }))
    expect((await failureOf(tooMany)).name).toBe('ValidationException')
    const alias = client.send(new ListKeyRotationsCommand({ KeyId: 'alias/x' }))
    expect((await failureOf(alias)).name).toBe('ValidationException')
  })

  it('of several Regions decrypt what any of them encrypted, also after a rotation', async () => {
    const primary = kms.createKey({ multiRegion: true })
    expect(primary).toMatch(/:key\/mrk-[0-9a-f]{32}$/)
    const replica = kms.replicateKey(primary, 'us-east-1')
    kms.rotateKey(primary)
    const { CiphertextBlob, Plaintext } = await generate(primary)
    const american = new KMSClient(kms.clientConfig('us-east-1'))
    const opened = await american.send(new DecryptCommand({ CiphertextBlob, KeyId: replica, EncryptionContext }))
    expect(opened.KeyId).toBe(replica)
    expect(Buffer.from(opened.Plaintext!).equals(Plaintext!)).toBe(true)
    expect(() => kms.replicateKey(KeyId, 'us-east-1')).toThrow(TypeError)
  })
})

describe('faults', () => {
  it.each([
    ['throttle', 'ThrottlingException', 400],
    ['access-denied', 'AccessDeniedException', 400],
    ['server-error', 'KMSInternalException', 500],
    [{ errorName: 'ExpiredTokenException' }, 'ExpiredTokenException', 400],
  ] as const)('%o is answered with %s', async (fault, name, httpStatusCode) => {
    kms.fail(fault)
    const error = await failureOf(generate())
    expect(error).toBeInstanceOf(KMSServiceException)
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode } })
    kms.recover()
    await generate()
  })

  it('silence and a cut connection end as the client ends them', async () => {
    const impatient = {
      ...kms.clientConfig(),
      maxAttempts: 1,
      requestHandler: { requestTimeout: 100, throwOnRequestTimeout: true },
    }
    client = new KMSClient(impatient)
    kms.fail('silence', { times: 1 })
    expect(await failureOf(generate())).toMatchObject({ name: 'TimeoutError' })
    kms.fail('cut', { times: 1 })
    expect(await failureOf(generate())).toMatchObject({ code: 'ECONNRESET' })
    await generate()
    expect(kms.calls.map(({ outcome }) => outcome)).toEqual(['silence', 'cut', 'ok'])
  })

  it('latency comes on top of the answer', async () => {
    kms.fail({ latencyMilliseconds: 120 }, { times: 1 })
    const start = performance.now()
    await generate()
    expect(performance.now() - start).toBeGreaterThanOrEqual(115)
  })

  it('a wrong KeyId comes with an otherwise good answer', async () => {
    kms.fail('wrong-key-id')
    const { KeyId: answered, Plaintext } = await generate()
    expect(answered).toMatch(/^arn:aws:kms:eu-west-1:111122223333:key\//)
    expect(answered).not.toBe(KeyId)
    expect(Plaintext).toHaveLength(32)
  })

  it('hit the operation, the Region and the number of requests they are meant for', async () => {
    kms.fail('server-error', { operation: 'Decrypt' })
    kms.fail('throttle', { region: 'us-east-1' })
    const { CiphertextBlob } = await generate()
    expect(await failureOf(decrypt(CiphertextBlob))).toBeInstanceOf(KMSInternalException)
    kms.recover()
    kms.fail('throttle', { times: 2 })
    // The SDK's own retries are what gets through.
    const patient = new KMSClient({ ...kms.clientConfig(), maxAttempts: 3 })
    await patient.send(new DescribeKeyCommand({ KeyId }))
    expect(kms.calls.slice(-3).map(({ outcome }) => outcome)).toEqual([
      'ThrottlingException',
      'ThrottlingException',
      'ok',
    ])
  })
})

it('the log has what was asked of which key, and nothing secret', async () => {
  const { CiphertextBlob, Plaintext } = await generate()
  await decrypt(CiphertextBlob)
  const call = { region: 'eu-west-1', keyId: KeyId, encryptionContext: EncryptionContext, outcome: 'ok' }
  expect(kms.calls).toEqual([
    { operation: 'GenerateDataKey', ...call },
    { operation: 'Decrypt', ...call },
  ])
  expect(JSON.stringify(kms.calls)).not.toContain(Buffer.from(Plaintext!).toString('base64'))
  kms.forgetCalls()
  expect(kms.calls).toEqual([])
})

it('what it does not serve is an error and no call', async () => {
  expect(await failureOf(client.send(new ListKeysCommand({})))).toMatchObject({ name: 'UnknownOperationException' })
  const headers = { 'x-amz-target': 'TrentService.Decrypt' }
  const unsigned = await fetch(kms.endpoint, { method: 'POST', headers, body: '{}' })
  expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' })
  expect(kms.calls).toEqual([])
})

it('ends with requests still unanswered', async () => {
  kms.fail('silence')
  const pending = failureOf(generate())
  while (kms.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await kms.close()
  await kms.close()
  expect(await pending).toMatchObject({ code: 'ECONNRESET' })
})
