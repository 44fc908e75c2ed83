/** The keys of one fake KMS: by Region, with states, aliases, replicas and rotation. */
import { randomBytes, randomUUID } from 'node:crypto'
import { type KeyMaterial, newMaterial } from './ciphertext.ts'
import { KmsFailure } from './protocol.ts'

export type FakeKmsKeyState = 'Enabled' | 'Disabled' | 'PendingDeletion'

export interface NewKeyOptions {
  /** Default `eu-west-1`. */
  readonly region?: string
  /** Default `false`. `true` makes an id that begins with `mrk-`, and the key can be replicated. */
  readonly multiRegion?: boolean
}

export interface StoredKey {
  readonly arn: string
  readonly id: string
  readonly region: string
  readonly createdAt: number
  /** The newest last. Replicas of a multi-Region key share the array, so that rotating one rotates all. */
  readonly materials: KeyMaterial[]
  state: FakeKmsKeyState
}

export const DEFAULT_REGION = 'eu-west-1'
/** The account of AWS's own documentation. */
export const ACCOUNT_ID = '111122223333'

export class KeyStore {
  readonly #keys = new Map<string, StoredKey>()
  /** Alias ARN to key ARN. */
  readonly #aliases = new Map<string, string>()

  create({ region = DEFAULT_REGION, multiRegion = false }: NewKeyOptions = {}): StoredKey {
    const id = multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID()
    return this.#add(id, region, [newMaterial()])
  }

  replicate(arn: string, region: string): StoredKey {
    const key = this.byArn(arn)
    if (!key.id.startsWith('mrk-')) throw new TypeError('Only a multi-Region key can be replicated')
    return this.#add(key.id, region, key.materials)
  }

  remove(arn: string): void {
    this.#keys.delete(this.byArn(arn).arn)
  }

  /** Makes an alias in the key's Region, or points it at this key from now on. Returns the alias's ARN. */
  alias(name: string, arn: string): string {
    if (!/^alias\/[\w/-]{1,250}$/.test(name)) throw new TypeError('The name of an alias begins with "alias/"')
    const key = this.byArn(arn)
    const aliasArn = `arn:aws:kms:${key.region}:${ACCOUNT_ID}:${name}`
    this.#aliases.set(aliasArn, key.arn)
    return aliasArn
  }

  /** For whoever steers the fake: an ARN that it returned. */
  byArn(arn: string): StoredKey {
    const key = this.#keys.get(arn)
    if (key === undefined) throw new TypeError(`There is no key ${arn}`)
    return key
  }

  /** For requests: an id, an ARN, the name of an alias or its ARN, as seen from a Region. */
  find(keyId: string, region: string): StoredKey {
    const key = this.#keys.get(this.#toKeyArn(keyId, region))
    // A Region knows its own keys alone, also by ARN.
    if (key?.region === region) return key
    const kind = keyId.includes('alias/') ? 'Alias' : 'Key'
    throw new KmsFailure('NotFoundException', `${kind} '${keyId}' does not exist`)
  }

  #toKeyArn(keyId: string, region: string): string {
    const prefix = `arn:aws:kms:${region}:${ACCOUNT_ID}:`
    if (keyId.includes('alias/')) return this.#aliases.get(keyId.startsWith('arn:') ? keyId : prefix + keyId) ?? ''
    return keyId.startsWith('arn:') ? keyId : `${prefix}key/${keyId}`
  }

  #add(id: string, region: string, materials: KeyMaterial[]): StoredKey {
    const arn = `arn:aws:kms:${region}:${ACCOUNT_ID}:key/${id}`
    if (this.#keys.has(arn)) throw new TypeError(`There is a key ${arn} already`)
    const key: StoredKey = { arn, id, region, createdAt: Date.now(), materials, state: 'Enabled' }
    this.#keys.set(arn, key)
    return key
  }
}

/** The material that encrypts. */
export function currentMaterial(key: StoredKey): KeyMaterial {
  const newest = key.materials.at(-1)
  if (newest === undefined) throw new Error('A key has at least one generation of material')
  return newest
}

export function assertUsable(key: StoredKey): void {
  if (key.state === 'Disabled') throw new KmsFailure('DisabledException', `${key.arn} is disabled.`)
  if (key.state === 'PendingDeletion') {
    throw new KmsFailure('KMSInvalidStateException', `${key.arn} is pending deletion.`)
  }
}
