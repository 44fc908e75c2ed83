/** What crosses the wire: the AWS JSON 1.1 shapes of the operations served, and the errors in KMS's own words. */

export const operations = [
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'Encrypt',
  'Decrypt',
  'ReEncrypt',
  'DescribeKey',
  'ListKeyRotations',
] as const
export type FakeKmsOperation = (typeof operations)[number]

/** One request as it arrived; every attempt of a retrying client is one. It holds no plaintext and no credentials. */
export interface FakeKmsCall {
  readonly operation: FakeKmsOperation
  /** The Region that the request was signed for. */
  readonly region: string
  /** `KeyId` as sent: an id, an ARN or an alias; absent when the request named none. `ReEncrypt`: the destination. */
  readonly keyId?: string
  /** As sent; absent when there was none. `ReEncrypt`: that of the source. */
  readonly encryptionContext?: Readonly<Record<string, string>>
  /** `ok`, the name of the error answered, or `silence` or `cut` when there was no answer. */
  readonly outcome: string
}

/** A decoded request body; nothing in it has been checked. */
export type Input = Readonly<Record<string, unknown>>
export type Output = Record<string, unknown>

/** An answer that is an error. The client turns `name` into an exception class. */
export class KmsFailure extends Error {
  override readonly name: string
  readonly status: number

  /** KMS answers 400 to what is the caller's doing and 500 to what is its own. */
  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

export function invalid(message: string): KmsFailure {
  return new KmsFailure('ValidationException', `1 validation error detected: ${message}`)
}

export function optionalString(input: Input, name: string): string | undefined {
  const value = input[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '') throw invalid(`Value at '${name}' must be a string`)
  return value
}

export function requiredString(input: Input, name: string): string {
  const value = optionalString(input, name)
  if (value === undefined) throw invalid(`Value at '${name}' failed to satisfy constraint: Member must not be null`)
  return value
}

export function requiredBlob(input: Input, name: string, maxBytes: number): Buffer {
  const text = requiredString(input, name)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new KmsFailure('SerializationException', `'${name}' is not base64`)
  if (bytes.length === 0 || bytes.length > maxBytes) {
    throw invalid(`Value at '${name}' failed to satisfy constraint: Member must have length 1 to ${maxBytes}`)
  }
  return bytes
}

/** A whole number from 1 to `most`. */
export function optionalLimit(input: Input, name: string, fallback: number, most: number): number {
  const value = input[name] ?? fallback
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  throw invalid(`Value at '${name}' failed to satisfy constraint: Member must have value 1 to ${most}`)
}

export function contextOf(input: Input, name: string): Record<string, string> {
  const value = input[name] ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(`Value at '${name}' must be a map`)
  for (const entry of Object.values(value)) {
    if (typeof entry !== 'string') throw invalid(`Value at '${name}' must be a map of strings`)
  }
  return { ...value }
}
