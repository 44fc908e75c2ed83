/**
 * The session store that came before, written anew from its description and without a line of ours: a data key from KMS
 * for each write, a Decrypt for each read, AES-256-GCM with a 12-byte IV, base64 strings, the raw session id as the
 * partition key, seven days, callbacks.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import session from 'express-session'

type Done<T = void> = (error: unknown, result?: T) => void

export class DesignA extends session.Store {
  readonly #dynamodb: DynamoDBClient
  readonly #kms: KMSClient
  readonly #keyId: string
  readonly #tableName: string

  constructor(dynamodb: DynamoDBClient, tableName: string, kms: KMSClient, keyId: string) {
    super()
    this.#dynamodb = dynamodb
    this.#tableName = tableName
    this.#kms = kms
    this.#keyId = keyId
  }

  get(id: string, done: Done<session.SessionData | null>): void {
    settle(this.#read(id), done)
  }

  set(id: string, data: object, done?: Done): void {
    settle(this.#write(id, data), done)
  }

  destroy(id: string, done?: Done): void {
    const command = new DeleteItemCommand({ TableName: this.#tableName, Key: { sessionId: { S: id } } })
    const deleted = this.#dynamodb.send(command).then(() => {})
    settle(deleted, done)
  }

  async #read(id: string): Promise<session.SessionData | null> {
    const Key = { sessionId: { S: id } }
    const { Item } = await this.#dynamodb.send(
      new GetItemCommand({ TableName: this.#tableName, Key, ConsistentRead: true }),
    )
    if (Item === undefined || Number(Item.ttl?.N) <= Math.floor(Date.now() / 1000)) return null
    const bytes = (name: string) => Buffer.from(Item[name]?.S ?? '', 'base64')
    const { Plaintext } = await this.#kms.send(
      new DecryptCommand({ CiphertextBlob: bytes('encryptedKey'), KeyId: this.#keyId }),
    )
    const decipher = createDecipheriv('aes-256-gcm', Plaintext!, bytes('iv'))
    decipher.setAuthTag(bytes('authTag'))
    const text = Buffer.concat([decipher.update(bytes('encryptedData')), decipher.final()]).toString()
    return JSON.parse(text)
  }

  async #write(id: string, data: object): Promise<void> {
    const plaintext = JSON.stringify(data)
    const { Plaintext, CiphertextBlob } = await this.#kms.send(
      new GenerateDataKeyCommand({ KeyId: this.#keyId, KeySpec: 'AES_256' }),
    )
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', Plaintext!, iv)
    const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()])
    const text = (bytes: Uint8Array) => ({ S: Buffer.from(bytes).toString('base64') })
    const Item = {
      sessionId: { S: id },
      encryptedData: text(encrypted),
      encryptedKey: text(CiphertextBlob!),
      iv: text(iv),
      authTag: text(cipher.getAuthTag()),
      ttl: { N: String(Math.floor(Date.now() / 1000) + 604_800) },
      version: { N: '1' },
    }
    await this.#dynamodb.send(new PutItemCommand({ TableName: this.#tableName, Item }))
  }
}

function settle<T>(promise: Promise<T>, done: Done<T> | undefined): void {
  promise.then(
    (result) => process.nextTick(() => done?.(null, result)),
    (error) => process.nextTick(() => done?.(error)),
  )
}
