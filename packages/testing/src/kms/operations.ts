/** The operations themselves: a decoded request in, an answer out or a {@link KmsFailure}. */
import { randomBytes } from 'node:crypto'
import { type Context, decrypt, encrypt, keyIdOf } from './ciphertext.ts'
import { ACCOUNT_ID, assertUsable, currentMaterial, type KeyStore, type StoredKey } from './key-store.ts'
import {
  contextOf,
  type FakeKmsOperation,
  type Input,
  invalid,
  KmsFailure,
  type Output,
  optionalLimit,
  optionalString,
  requiredBlob,
  requiredString,
} from './protocol.ts'

const MAX_PLAINTEXT_BYTES = 4096
const MAX_CIPHERTEXT_BYTES = 6144
const MAX_DATA_KEY_BYTES = 1024
const MAX_ROTATIONS_LISTED = 1000
const DEFAULT_ROTATIONS_LISTED = 100
const ALGORITHM = 'SYMMETRIC_DEFAULT'

type Operation = (input: Input, keys: KeyStore, region: string) => Output

export const answer: Readonly<Record<FakeKmsOperation, Operation>> = {
  GenerateDataKey(input, keys, region) {
    const plaintext = randomBytes(dataKeyLength(input))
    const Plaintext = plaintext.toString('base64')
    return { ...wrapDataKey(plaintext, input, keys, region), Plaintext }
  },

  GenerateDataKeyWithoutPlaintext(input, keys, region) {
    return wrapDataKey(randomBytes(dataKeyLength(input)), input, keys, region)
  },

  Encrypt(input, keys, region) {
    const key = usableKey(requiredString(input, 'KeyId'), keys, region)
    const plaintext = requiredBlob(input, 'Plaintext', MAX_PLAINTEXT_BYTES)
    const blob = encrypt(key.id, currentMaterial(key), plaintext, contextOf(input, 'EncryptionContext'))
    return { CiphertextBlob: blob.toString('base64'), KeyId: key.arn, EncryptionAlgorithm: ALGORITHM }
  },

  Decrypt(input, keys, region) {
    const context = contextOf(input, 'EncryptionContext')
    const { key, plaintext, materialId } = open(input, 'KeyId', context, keys, region)
    const Plaintext = plaintext.toString('base64')
    return { KeyId: key.arn, Plaintext, EncryptionAlgorithm: ALGORITHM, KeyMaterialId: materialId }
  },

  ReEncrypt(input, keys, region) {
    const destination = usableKey(requiredString(input, 'DestinationKeyId'), keys, region)
    const source = open(input, 'SourceKeyId', contextOf(input, 'SourceEncryptionContext'), keys, region)
    const material = currentMaterial(destination)
    const context = contextOf(input, 'DestinationEncryptionContext')
    return {
      CiphertextBlob: encrypt(destination.id, material, source.plaintext, context).toString('base64'),
      SourceKeyId: source.key.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm: ALGORITHM,
      DestinationEncryptionAlgorithm: ALGORITHM,
      SourceKeyMaterialId: source.materialId,
      DestinationKeyMaterialId: material.id,
    }
  },

  /** Works whatever the state of the key, as in KMS. */
  DescribeKey(input, keys, region) {
    const key = keys.find(requiredString(input, 'KeyId'), region)
    return {
      KeyMetadata: {
        AWSAccountId: ACCOUNT_ID,
        KeyId: key.id,
        Arn: key.arn,
        CreationDate: key.createdAt / 1000,
        Enabled: key.state === 'Enabled',
        Description: '',
        KeyUsage: 'ENCRYPT_DECRYPT',
        KeyState: key.state,
        Origin: 'AWS_KMS',
        KeyManager: 'CUSTOMER',
        KeySpec: ALGORITHM,
        EncryptionAlgorithms: [ALGORITHM],
        MultiRegion: key.id.startsWith('mrk-'),
        CurrentKeyMaterialId: currentMaterial(key).id,
      },
    }
  },

  /** Oldest first; a marker is the id of the material that the next page begins with. Works whatever the state, too. */
  ListKeyRotations(input, keys, region) {
    const keyId = requiredString(input, 'KeyId')
    if (keyId.includes('alias/')) throw invalid("Value at 'KeyId' must be a key id or ARN")
    const key = keys.find(keyId, region)
    const all = optionalString(input, 'IncludeKeyMaterial') === 'ALL_KEY_MATERIAL'
    const listed = key.materials.filter(({ rotatedAt }) => all || rotatedAt !== undefined)
    const marker = optionalString(input, 'Marker')
    const start = marker === undefined ? 0 : listed.findIndex(({ id }) => id === marker)
    if (start < 0) throw new KmsFailure('InvalidMarkerException', 'The marker is not valid.')
    const end = start + optionalLimit(input, 'Limit', DEFAULT_ROTATIONS_LISTED, MAX_ROTATIONS_LISTED)
    const next = listed[end]
    return {
      Rotations: listed.slice(start, end).map(({ id, rotatedAt }) => ({
        KeyId: key.arn,
        KeyMaterialId: id,
        KeyMaterialState: id === currentMaterial(key).id ? 'CURRENT' : 'NON_CURRENT',
        ...(rotatedAt !== undefined && { RotationDate: rotatedAt / 1000, RotationType: 'ON_DEMAND' }),
      })),
      Truncated: next !== undefined,
      ...(next !== undefined && { NextMarker: next.id }),
    }
  },
}

function wrapDataKey(plaintext: Uint8Array, input: Input, keys: KeyStore, region: string): Output {
  const key = usableKey(requiredString(input, 'KeyId'), keys, region)
  const material = currentMaterial(key)
  const blob = encrypt(key.id, material, plaintext, contextOf(input, 'EncryptionContext'))
  return { CiphertextBlob: blob.toString('base64'), KeyId: key.arn, KeyMaterialId: material.id }
}

function dataKeyLength(input: Input): number {
  const spec = optionalString(input, 'KeySpec')
  const bytes = input.NumberOfBytes
  if ((spec === undefined) === (bytes === undefined)) {
    throw invalid('Please specify either number of bytes or key spec.')
  }
  if (spec === 'AES_256') return 32
  if (spec === 'AES_128') return 16
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 1 && bytes <= MAX_DATA_KEY_BYTES) return bytes
  throw invalid("Value at 'keySpec' or 'numberOfBytes' failed to satisfy constraint")
}

/** Decrypts a blob, under the key that the request names if it names one, else under the one that made it. */
function open(
  input: Input,
  keyIdName: string,
  context: Context,
  keys: KeyStore,
  region: string,
): { key: StoredKey; plaintext: Buffer; materialId: string } {
  const blob = requiredBlob(input, 'CiphertextBlob', MAX_CIPHERTEXT_BYTES)
  const named = optionalString(input, keyIdName)
  const key = usableKey(named ?? keyIdOf(blob), keys, region)
  if (key.id !== keyIdOf(blob)) {
    throw new KmsFailure(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  return { key, ...decrypt(blob, key.materials, context) }
}

function usableKey(keyId: string, keys: KeyStore, region: string): StoredKey {
  const key = keys.find(keyId, region)
  assertUsable(key)
  return key
}
