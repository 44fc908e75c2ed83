import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  type KMSClientResolvedConfig,
  ListKeyRotationsCommand,
  type ListKeyRotationsCommandOutput,
  ReEncryptCommand,
} from '@aws-sdk/client-kms'
import { WaxsealError } from '../errors.ts'
import type { EncryptionContext } from '../keyring.ts'
import { DATA_KEY_BYTES } from '../payload.ts'
import { hasCode } from '../verdict.ts'
import { KmsTimeout, toCredentialsError, toIntegrityError, toKeyError } from './errors.ts'
import type { KeyMaterial } from './key-materials.ts'
import { configError, type KeyName } from './key-name.ts'

/** A `KMSClient`, accepted by shape, so that it may come from another copy of the SDK. */
export interface KmsClientLike {
  readonly config: Pick<KMSClientResolvedConfig, 'region'> & { readonly credentials?: () => Promise<unknown> }
  readonly send: KMSClient['send']
}

/** What KMS says it used. */
export interface KmsKeyUse {
  readonly keyArn: string | undefined
  /** Which generation of the key's material; undefined where KMS does not say, as for `Encrypt`. */
  readonly materialId: string | undefined
}

export interface KmsWrappedKey extends KmsKeyUse {
  readonly wrapped: Uint8Array | undefined
}

export interface KmsPlaintextKey extends KmsKeyUse {
  readonly plaintextKey: Uint8Array
}

export type KmsDataKey = KmsWrappedKey & KmsPlaintextKey

/**
 * Over all attempts of the SDK. Its own time-outs are off by default, and a call that never ends would be joined by
 * every later one. Short enough for a second Region to be asked within the five seconds of a session store.
 */
const CALL_TIMEOUT_MS = 3000

/** Far more than a key can have rotations; an answer that always names another page must not be followed for ever. */
const MAX_ROTATION_PAGES = 100

/** The calls of one client, with time limit, errors translated, and the SDK's copies of plaintext keys wiped. */
export class KmsConnection {
  readonly #client: KmsClientLike
  /** Whether KMS ever answered with a result. Credentials that were there and are not any more are an outage. */
  #hasAnswered = false
  #isSilent = false

  constructor(client: KmsClientLike) {
    this.#client = client
  }

  /** Whether the last call could not be answered: where there is a choice, another Region is asked first. */
  get isSilent(): boolean {
    return this.#isSilent
  }

  /** @throws WaxsealError `ERR_WAXSEAL_CONFIG` when there is none. */
  async region(): Promise<string> {
    try {
      return await withinTimeLimit(() => this.#client.config.region())
    } catch (error) {
      throw toKeyError(error, 'the key')
    }
  }

  async generateDataKey(name: KeyName, EncryptionContext: EncryptionContext | undefined): Promise<KmsDataKey> {
    const command = new GenerateDataKeyCommand({ KeyId: name.text, KeySpec: 'AES_256', EncryptionContext })
    const answer = await this.#call([name], (abortSignal) => this.#client.send(command, { abortSignal }))
    const { CiphertextBlob: wrapped, KeyId: keyArn, KeyMaterialId: materialId } = answer
    return { plaintextKey: takeDataKey(answer.Plaintext), wrapped, keyArn, materialId }
  }

  async encrypt(name: KeyName, Plaintext: Uint8Array, EncryptionContext: EncryptionContext): Promise<KmsWrappedKey> {
    const command = new EncryptCommand({ KeyId: name.text, Plaintext, EncryptionContext })
    const answer = await this.#call([name], (abortSignal) => this.#client.send(command, { abortSignal }))
    return { wrapped: answer.CiphertextBlob, keyArn: answer.KeyId, materialId: undefined }
  }

  async decrypt(
    name: KeyName,
    CiphertextBlob: Uint8Array,
    EncryptionContext: EncryptionContext | undefined,
  ): Promise<KmsPlaintextKey> {
    const command = new DecryptCommand({ KeyId: name.text, CiphertextBlob, EncryptionContext })
    const answer = await this.#call([name], (abortSignal) => this.#client.send(command, { abortSignal }))
    const { KeyId: keyArn, KeyMaterialId: materialId } = answer
    return { plaintextKey: takeDataKey(answer.Plaintext), keyArn, materialId }
  }

  /** Decrypt and encrypt in one call, within KMS. An error of it concerns either key, and names both. */
  async reEncrypt(
    source: KeyName,
    destination: KeyName,
    CiphertextBlob: Uint8Array,
    encryptionContext: EncryptionContext,
  ): Promise<{ source: KmsKeyUse; destination: KmsWrappedKey }> {
    const command = new ReEncryptCommand({
      SourceKeyId: source.text,
      SourceEncryptionContext: encryptionContext,
      DestinationKeyId: destination.text,
      DestinationEncryptionContext: encryptionContext,
      CiphertextBlob,
    })
    const answer = await this.#call([source, destination], (abortSignal) => this.#client.send(command, { abortSignal }))
    const { CiphertextBlob: wrapped, KeyId: keyArn, DestinationKeyMaterialId: materialId } = answer
    return {
      source: { keyArn: answer.SourceKeyId, materialId: answer.SourceKeyMaterialId },
      destination: { wrapped, keyArn, materialId },
    }
  }

  /** Every generation of a key's material, over as many pages as it takes. */
  async listKeyMaterials(name: KeyName): Promise<KeyMaterial[]> {
    const materials: KeyMaterial[] = []
    let marker: string | undefined
    for (let i = 0; i < MAX_ROTATION_PAGES; i++) {
      const page = await this.#listKeyRotations(name, marker)
      for (const { KeyMaterialId: id, RotationDate: rotatedAt } of page.Rotations ?? []) {
        if (id !== undefined) materials.push({ id, rotatedAt })
      }
      marker = page.NextMarker
      if (marker === undefined) return materials
    }
    throw configError(`AWS KMS lists rotations of ${name.id} without end`)
  }

  async #listKeyRotations(name: KeyName, Marker: string | undefined): Promise<ListKeyRotationsCommandOutput> {
    const command = new ListKeyRotationsCommand({
      KeyId: name.text,
      IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
      ...(Marker !== undefined && { Marker }),
    })
    try {
      return await this.#call([name], (abortSignal) => this.#client.send(command, { abortSignal }))
    } catch (error) {
      // The key has just been used, so this is a permission that was forgotten and no revocation.
      if (!hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) throw error
      const text = `Waxseal: minimumKeyDate needs kms:ListKeyRotations on ${name.id}, a key of the caller's own account`
      throw new WaxsealError('ERR_WAXSEAL_CONFIG', text, { cause: error })
    }
  }

  async #assertCredentials(): Promise<void> {
    try {
      await this.#client.config.credentials?.()
    } catch (error) {
      throw toCredentialsError(error, this.#hasAnswered)
    }
  }

  async #call<Answer>(names: readonly KeyName[], send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const region = await this.region()
    for (const name of names) {
      if (name.region === undefined || name.region === region) continue
      // KMS itself would say that the key does not exist, which reads as a revocation.
      throw configError(`the KMS key is in ${name.region} and its client in ${region}: give the client that region`)
    }
    try {
      const answer = await withinTimeLimit(async (signal) => {
        await this.#assertCredentials()
        return send(signal)
      })
      this.#hasAnswered = true
      this.#isSilent = false
      return answer
    } catch (error) {
      const labels = new Set(names.map((name) => (name.isAlias ? name.id : `${region}:${name.id}`)))
      const translated = toKeyError(error, [...labels].join(' or '))
      this.#isSilent = translated.code === 'ERR_WAXSEAL_KEY_UNAVAILABLE'
      throw translated
    }
  }
}

/** Not left to the abort signal alone: the SDK looks at it only between its waits for a retry. */
async function withinTimeLimit<Answer>(send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const controller = new AbortController()
  const answer = send(controller.signal)
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new KmsTimeout(CALL_TIMEOUT_MS))
      controller.abort()
      // It may come all the same, with a key that nobody will take.
      answer.then(wipe, () => {})
    }, CALL_TIMEOUT_MS).unref()
  })
  try {
    return await Promise.race([answer, limit])
  } finally {
    clearTimeout(timer)
  }
}

function wipe(answer: unknown): void {
  const { Plaintext } = Object(answer) as { Plaintext?: unknown }
  if (Plaintext instanceof Uint8Array) Plaintext.fill(0)
}

/**
 * Takes the key out of the SDK's buffer, which may be a part of a larger pool, and leaves zeros there. Into an ArrayBuffer
 * made beforehand: the bytes of a small array that has none lie inside V8's heap, whose collector copies them about.
 */
function takeDataKey(plaintext: Uint8Array | undefined): Uint8Array {
  if (plaintext?.length !== DATA_KEY_BYTES) {
    plaintext?.fill(0)
    throw toIntegrityError('AWS KMS answered with something that is no data key of 32 bytes')
  }
  const key = new Uint8Array(new ArrayBuffer(DATA_KEY_BYTES))
  key.set(plaintext)
  plaintext.fill(0)
  return key
}
