import type { WaxsealError } from '../errors.ts'
import type { EncryptionContext, GeneratedDataKey, UnwrappedDataKey, WrappedKey } from '../keyring.ts'
import { KEYRING } from '../record.ts'
import { keyMismatch } from '../verdict.ts'
import { toIntegrityError } from './errors.ts'
import { KeyMaterials } from './key-materials.ts'
import { configError, isArnOf, type KeyName } from './key-name.ts'
import type { KmsConnection, KmsDataKey, KmsWrappedKey } from './kms-connection.ts'

/** One configured KMS key. */
export class KmsKey {
  readonly #connection: KmsConnection
  readonly #name: KeyName
  /** Undefined where key material of any age will do. */
  readonly #materials: KeyMaterials | undefined

  constructor(connection: KmsConnection, name: KeyName, minimumKeyDate?: Date) {
    this.#connection = connection
    this.#name = name
    if (minimumKeyDate === undefined) return
    this.#materials = new KeyMaterials(() => connection.listKeyMaterials(name), minimumKeyDate.getTime())
  }

  get isSilent(): boolean {
    return this.#connection.isSilent
  }

  /** The wrapped key that this one can unwrap: its own, or that of its replica in another Region. */
  async find(wrappedKeys: readonly WrappedKey[]): Promise<WrappedKey | undefined> {
    if (!wrappedKeys.some((wrappedKey) => wrappedKey.kid.endsWith(`:${this.#name.id}`))) return undefined
    const own = await this.#kid()
    const exact = wrappedKeys.find(({ kid }) => kid === own)
    if (exact !== undefined || !this.#name.id.startsWith('mrk-')) return exact
    return wrappedKeys.find(({ kid }) => kid.endsWith(`:${this.#name.id}`))
  }

  async generate(encryptionContext: EncryptionContext | undefined): Promise<GeneratedDataKey> {
    return this.accept(await this.#connection.generateDataKey(this.#name, encryptionContext))
  }

  /** A data key that KMS answered with, if it is wrapped by this key. */
  async accept(dataKey: KmsDataKey): Promise<GeneratedDataKey> {
    try {
      await this.#check(dataKey.keyArn)
      await this.#assertMaySeal(dataKey.materialId)
      return { plaintextKey: dataKey.plaintextKey, wrappedKeys: [await this.asWrappedKey(dataKey.wrapped)] }
    } catch (error) {
      dataKey.plaintextKey.fill(0)
      throw error
    }
  }

  async wrap(plaintextKey: Uint8Array, encryptionContext: EncryptionContext): Promise<WrappedKey> {
    return this.acceptEncrypted(await this.#connection.encrypt(this.#name, plaintextKey, encryptionContext))
  }

  /** The data key of another key of the same connection, which it does not leave KMS for. */
  async rewrap(from: KmsKey, wrappedKey: WrappedKey, encryptionContext: EncryptionContext): Promise<WrappedKey> {
    return this.acceptReEncrypted(await from.reEncrypt(this.#name, wrappedKey, encryptionContext))
  }

  /** From this key to that one: what KMS answered, if it answered for this key. */
  async reEncrypt(to: KeyName, { wrapped }: WrappedKey, encryptionContext: EncryptionContext): Promise<KmsWrappedKey> {
    const { source, destination } = await this.#connection.reEncrypt(this.#name, to, wrapped, encryptionContext)
    await this.#check(source.keyArn)
    await this.#assertMayOpen(source.materialId)
    return destination
  }

  /** What `ReEncrypt` answered with, if this key made it. */
  async acceptReEncrypted({ wrapped, keyArn, materialId }: KmsWrappedKey): Promise<WrappedKey> {
    await this.#check(keyArn)
    await this.#assertMaySeal(materialId)
    return this.asWrappedKey(wrapped)
  }

  /** What `Encrypt` answered with, which alone does not say the material: it is taken to be the newest. */
  async acceptEncrypted({ wrapped, keyArn }: KmsWrappedKey): Promise<WrappedKey> {
    await this.#check(keyArn)
    if (this.#materials !== undefined && !(await this.#materials.isNewestYoungEnough())) throw await this.#tooOld()
    return this.asWrappedKey(wrapped)
  }

  /** The wrapped key comes back under this key's own kid: that of a replica says its Region, and anybody could write it. */
  async unwrap(
    { wrapped }: Pick<WrappedKey, 'wrapped'>,
    encryptionContext: EncryptionContext | undefined,
  ): Promise<UnwrappedDataKey> {
    const { plaintextKey, keyArn, materialId } = await this.#connection.decrypt(this.#name, wrapped, encryptionContext)
    try {
      await this.#check(keyArn)
      await this.#assertMayOpen(materialId)
      return { plaintextKey, wrappedKey: await this.asWrappedKey(wrapped) }
    } catch (error) {
      plaintextKey.fill(0)
      throw error
    }
  }

  async isNamedBy(arn: string | undefined): Promise<boolean> {
    return isArnOf(arn, this.#name, await this.#connection.region())
  }

  /** KMS can find a key by the ciphertext alone; an answer for another key than ours is the attacker's. */
  async #check(arn: string | undefined): Promise<void> {
    if (!(await this.isNamedBy(arn))) throw toIntegrityError('AWS KMS answered for another key than the one asked')
  }

  async #assertMayOpen(materialId: string | undefined): Promise<void> {
    if (this.#materials === undefined || (await this.#materials.isYoungEnough(materialId))) return
    throw keyMismatch(`the data key is under key material of ${await this.#kid()} from before minimumKeyDate`)
  }

  async #assertMaySeal(materialId: string | undefined): Promise<void> {
    if (this.#materials === undefined || (await this.#materials.isYoungEnough(materialId))) return
    throw await this.#tooOld()
  }

  async #tooOld(): Promise<WaxsealError> {
    return configError(`the key material of ${await this.#kid()} is from before minimumKeyDate: rotate it first`)
  }

  async asWrappedKey(wrapped: Uint8Array | undefined): Promise<WrappedKey> {
    if (wrapped === undefined) throw toIntegrityError('AWS KMS answered without a wrapped key')
    return { keyringId: KEYRING.awsKms, kid: await this.#kid(), wrapped }
  }

  async #kid(): Promise<string> {
    return `${this.#name.region ?? (await this.#connection.region())}:${this.#name.id}`
  }
}

/** An alias that wraps. It stands for one of the listed keys, the same one as long as the process lives. */
export class KmsAlias {
  readonly #connection: KmsConnection
  readonly #name: KeyName
  readonly #listed: readonly KmsKey[]
  #key: KmsKey | undefined

  constructor(connection: KmsConnection, name: KeyName, listed: readonly KmsKey[]) {
    if (listed.length === 0) {
      throw configError('keyId is an alias, which cannot unwrap: list the keys that it stands for in decryptKeyIds')
    }
    this.#connection = connection
    this.#name = name
    this.#listed = listed
  }

  async generate(encryptionContext: EncryptionContext | undefined): Promise<GeneratedDataKey> {
    if (this.#key !== undefined) return this.#key.generate(encryptionContext)
    const dataKey = await this.#connection.generateDataKey(this.#name, encryptionContext)
    try {
      return await (await this.#resolve(dataKey.keyArn)).accept(dataKey)
    } catch (error) {
      dataKey.plaintextKey.fill(0)
      throw error
    }
  }

  async wrap(plaintextKey: Uint8Array, encryptionContext: EncryptionContext): Promise<WrappedKey> {
    if (this.#key !== undefined) return this.#key.wrap(plaintextKey, encryptionContext)
    const wrapped = await this.#connection.encrypt(this.#name, plaintextKey, encryptionContext)
    return (await this.#resolve(wrapped.keyArn)).acceptEncrypted(wrapped)
  }

  async rewrap(from: KmsKey, wrappedKey: WrappedKey, encryptionContext: EncryptionContext): Promise<WrappedKey> {
    if (this.#key !== undefined) return this.#key.rewrap(from, wrappedKey, encryptionContext)
    const wrapped = await from.reEncrypt(this.#name, wrappedKey, encryptionContext)
    return (await this.#resolve(wrapped.keyArn)).acceptReEncrypted(wrapped)
  }

  async #resolve(keyArn: string | undefined): Promise<KmsKey> {
    for (const key of this.#listed) {
      if (!(await key.isNamedBy(keyArn))) continue
      this.#key ??= key
      return key
    }
    throw configError(
      `${this.#name.id} stands for a KMS key that is not in decryptKeyIds: nobody could open the record`,
    )
  }
}
