import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { newMaterial } from './ciphertext.ts'
import { type FakeKmsFault, type FaultFilter, Faults, failureOf } from './faults.ts'
import { ACCOUNT_ID, DEFAULT_REGION, type FakeKmsKeyState, KeyStore, type NewKeyOptions } from './key-store.ts'
import { answer } from './operations.ts'
import { type FakeKmsCall, type FakeKmsOperation, type Input, KmsFailure, type Output, operations } from './protocol.ts'

/** What makes a KMS client of any AWS SDK for JavaScript talk to a fake. */
export interface FakeKmsClientConfig {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/**
 * A KMS of this process, for tests and demos: the AWS JSON 1.1 protocol over HTTP on 127.0.0.1, real AES-256-GCM with
 * the encryption context authenticated, ciphertexts as long as those of KMS. One server is every Region: a request
 * belongs to the Region it was signed for. Keys live in memory; signatures and IAM policies are not checked.
 *
 * Serves GenerateDataKey, GenerateDataKeyWithoutPlaintext, Encrypt, Decrypt, ReEncrypt, DescribeKey and ListKeyRotations
 * for symmetric keys.
 */
export interface FakeKms {
  /** `http://127.0.0.1:PORT`; also a value for AWS_ENDPOINT_URL_KMS. */
  readonly endpoint: string
  /** Every request so far, in the order of arrival of its answer. */
  readonly calls: readonly FakeKmsCall[]
  /** For `new KMSClient({ ...kms.clientConfig(), … })`. Default Region `eu-west-1`. */
  clientConfig(region?: string): FakeKmsClientConfig
  /** Makes an enabled symmetric key. Returns its ARN. */
  createKey(options?: NewKeyOptions): string
  /** Makes the replica of a multi-Region key. Returns the replica's ARN. */
  replicateKey(keyArn: string, region: string): string
  /** Makes the alias `alias/…` in the key's Region, or points it at this key from now on. Returns the alias's ARN. */
  setAlias(name: string, keyArn: string): string
  setKeyState(keyArn: string, state: FakeKmsKeyState): void
  /** Gives a key, and its replicas, new material. What was encrypted before still decrypts. Date of rotation: default now. */
  rotateKey(keyArn: string, date?: Date): void
  /** The end of the waiting period: the key does not exist any more. */
  deleteKey(keyArn: string): void
  /** From now on, requests meet this fault. Several add up; among errors the first added is answered. */
  fail(fault: FakeKmsFault, filter?: FaultFilter): void
  /** Takes all faults away. Requests met with silence stay unanswered. */
  recover(): void
  /** Empties {@link FakeKms.calls}. */
  forgetCalls(): void
  /** Ends the server and every connection. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a fake KMS on a free port of 127.0.0.1.
 *
 * @example
 * const kms = await startFakeKms()
 * const keyId = kms.createKey()
 * const client = new KMSClient(kms.clientConfig())
 * kms.setKeyState(keyId, 'Disabled')
 * kms.fail('silence', { operation: 'Decrypt', times: 3 })
 * await kms.close()
 */
export async function startFakeKms(): Promise<FakeKms> {
  const keys = new KeyStore()
  const faults = new Faults()
  const calls: FakeKmsCall[] = []
  const server = createServer((request, response) => {
    // A client that goes away within its request body is not ours to answer.
    serve(request, response, { keys, faults, calls }).catch(() => request.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    endpoint,
    calls,
    clientConfig: (region = DEFAULT_REGION) => ({
      endpoint,
      region,
      credentials: { accessKeyId: 'fake', secretAccessKey: 'fake' },
    }),
    createKey: (options) => keys.create(options).arn,
    replicateKey: (arn, region) => keys.replicate(arn, region).arn,
    setAlias: (name, arn) => keys.alias(name, arn),
    setKeyState(arn, state) {
      keys.byArn(arn).state = state
    },
    rotateKey(arn, date = new Date()) {
      keys.byArn(arn).materials.push(newMaterial(date.getTime()))
    },
    deleteKey: (arn) => keys.remove(arn),
    fail: (fault, filter = {}) => faults.add(fault, filter),
    recover: () => faults.clear(),
    forgetCalls() {
      calls.length = 0
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface State {
  readonly keys: KeyStore
  readonly faults: Faults
  readonly calls: FakeKmsCall[]
}

async function serve(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const body = await readBody(request)
  try {
    const operation = operationOf(request)
    const region = regionOf(request)
    const input = parse(body)
    const hits = state.faults.take(operation, region)
    const note = (outcome: string): number => state.calls.push({ ...callOf(operation, region, input), outcome })
    for (const fault of hits) if (typeof fault === 'object' && 'latencyMilliseconds' in fault) await later(fault)
    if (hits.includes('silence')) {
      note('silence')
      return
    }
    if (hits.includes('cut')) {
      note('cut')
      request.socket.destroy()
      return
    }
    try {
      for (const fault of hits) {
        const failure = failureOf(fault, operation)
        if (failure !== undefined) throw failure
      }
      const output = answer[operation](input, state.keys, region)
      if (hits.includes('wrong-key-id')) output.KeyId = `arn:aws:kms:${region}:${ACCOUNT_ID}:key/${randomUUID()}`
      note('ok')
      send(response, 200, output)
    } catch (error) {
      note(error instanceof KmsFailure ? error.name : 'KMSInternalException')
      throw error
    }
  } catch (error) {
    const { name, message, status } =
      error instanceof KmsFailure ? error : new KmsFailure('KMSInternalException', String(error), 500)
    send(response, status, { __type: name, ...(message !== '' && { message }) })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function operationOf({ headers }: IncomingMessage): FakeKmsOperation {
  const target = String(headers['x-amz-target'])
  const operation = operations.find((name) => target === `TrentService.${name}`)
  if (operation === undefined) throw new KmsFailure('UnknownOperationException', `${target} is not served here`)
  return operation
}

/** From the scope of the signature: `Credential=ID/DATE/REGION/kms/aws4_request`. */
function regionOf({ headers }: IncomingMessage): string {
  const region = /Credential=[^/]+\/\d{8}\/([a-z0-9-]+)\/kms\/aws4_request/.exec(headers.authorization ?? '')?.[1]
  if (region === undefined) {
    throw new KmsFailure('MissingAuthenticationTokenException', 'The request is not signed for KMS')
  }
  return region
}

function parse(body: string): Input {
  try {
    const input: unknown = JSON.parse(body)
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Input
  } catch {
    // Answered as any other body that is no object.
  }
  throw new KmsFailure('SerializationException', 'The request body is not a JSON object')
}

function callOf(operation: FakeKmsOperation, region: string, input: Input): Omit<FakeKmsCall, 'outcome'> {
  const keyId = input.KeyId ?? input.DestinationKeyId
  const context = input.EncryptionContext ?? input.SourceEncryptionContext
  return {
    operation,
    region,
    ...(typeof keyId === 'string' && { keyId }),
    ...(typeof context === 'object' && context !== null && { encryptionContext: { ...context } }),
  }
}

function later({ latencyMilliseconds }: { latencyMilliseconds: number }): Promise<void> {
  return sleep(latencyMilliseconds, undefined, { ref: false })
}

function send(response: ServerResponse, status: number, body: Output): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() })
  response.end(JSON.stringify(body))
}
