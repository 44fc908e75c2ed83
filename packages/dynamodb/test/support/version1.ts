import { randomUUID } from 'node:crypto'
import { type AttributeValue, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { createEnvelope, type Envelope } from '@waxseal/core'
import { awsKmsKeyring } from '@waxseal/core/aws-kms'
import { clientConfig } from '@waxseal/engines'
import { type SessionEvent, type SessionOptions, SessionStore, type SessionTable, sessionKey } from '@waxseal/session'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { DynamoDBSessionTable } from '../../src/index.ts'
import { DesignA } from './design-a.ts'
import { newTable } from './tables.ts'

export type Item = Record<string, AttributeValue>

/** A session as a framework would have stored it, for a browser session. */
export const sessionOf = (user: string) => ({ user, cookie: { originalMaxAge: null, expires: null } })

export const eventTypes = [
  ...['expired', 'unreadable', 'refused', 'overwritten', 'merged', 'conflict', 'touch-failed', 'failed'],
  ...['version1-read', 'version1-upgraded'],
]

/** A store of this process's own: its envelope, its events, and a hand in each of its calls to the table. */
export interface Instance {
  readonly store: SessionStore
  readonly envelope: Envelope
  readonly events: SessionEvent[]
  /** `type` or `type code` of the events since the last time. */
  takeEvents(): string[]
  /** The calls to the table since the last time, those for version 1 as `version1.…`. */
  takeCalls(): string[]
  /** Awaited before a call goes through; throws to make it fail. */
  before: (call: string) => Promise<void> | void
  /** Awaited when a call has gone through, before its answer arrives. */
  after: (call: string) => Promise<void> | void
}

/** One table, one KMS key, older code and as many instances of ours as wanted. */
export class Version1World {
  readonly kms: FakeKms
  readonly keyId: string
  readonly client: DynamoDBClient
  readonly tableName: string
  readonly old: DesignA
  readonly #endpoint: string

  private constructor(kms: FakeKms, endpoint: string, client: DynamoDBClient, tableName: string) {
    this.kms = kms
    this.#endpoint = endpoint
    this.keyId = kms.createKey()
    this.client = client
    this.tableName = tableName
    this.old = new DesignA(client, tableName, new KMSClient(kms.clientConfig()), this.keyId)
  }

  static async start(endpoint: string): Promise<Version1World> {
    const { client, tableName } = await newTable(endpoint)
    return new Version1World(await startFakeKms(), endpoint, client, tableName)
  }

  async stop(): Promise<void> {
    await this.kms.close()
  }

  newEnvelope(keyId: string = this.keyId): Envelope {
    const keyring = awsKmsKeyring({ client: new KMSClient(this.kms.clientConfig()), keyId })
    return createEnvelope({ keyring, encryptionContext: { app: 'test' } })
  }

  newInstance(
    options: Partial<SessionOptions> = { version1: { acceptUntil: inAnHour() } },
    endpoint: string = this.#endpoint,
  ): Instance {
    const envelope = options.envelope ?? this.newEnvelope()
    const calls: string[] = []
    const client = new DynamoDBClient({ ...clientConfig(endpoint), maxAttempts: 10 })
    const note = (prefix: string) => ({
      before: (name: string) => {
        calls.push(prefix + name)
        return instance.before(prefix + name)
      },
      after: (name: string) => instance.after(prefix + name),
    })
    const real = new DynamoDBSessionTable(client, this.tableName, 'sessionId')
    const version1 = observed(real.version1, note('version1.'))
    const table: SessionTable = observed(real, note(''), { version1 })
    // DynamoDB Local takes its time for the first calls; an upgrade in the background has a quarter of this.
    const store = new SessionStore(table, { envelope, timeoutMilliseconds: 20_000, ...options })
    const events: SessionEvent[] = []
    for (const type of eventTypes) store.on(type, (event) => events.push(event))
    const instance: Instance = {
      store,
      envelope,
      events,
      takeEvents: () => events.splice(0).map(({ type, code }) => (code === undefined ? type : `${type} ${code}`)),
      takeCalls: () => calls.splice(0),
      before: () => {},
      after: () => {},
    }
    return instance
  }

  /** A session that older code has stored. */
  async oldSession(user = 'ada', change: object = {}): Promise<string> {
    const id = randomUUID()
    await this.oldSet(id, { ...sessionOf(user), ...change })
    return id
  }

  oldSet(id: string, session: object): Promise<void> {
    return new Promise((resolve, reject) => this.old.set(id, session, (error) => (error ? reject(error) : resolve())))
  }

  oldGet(id: string): Promise<Record<string, unknown> | null> {
    return new Promise((resolve, reject) =>
      this.old.get(id, (error, data) => (error ? reject(error) : resolve((data ?? null) as never))),
    )
  }

  oldDestroy(id: string): Promise<void> {
    return new Promise((resolve, reject) => this.old.destroy(id, (error) => (error ? reject(error) : resolve())))
  }

  /** What stands under a partition key. */
  async stored(key: string): Promise<Item | undefined> {
    const Key = { sessionId: { S: key } }
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key, ConsistentRead: true }),
    )
    return Item
  }

  async put(Item: Item): Promise<void> {
    await this.client.send(new PutItemCommand({ TableName: this.tableName, Item }))
  }

  /** Which versions of a session are stored. */
  async versions(id: string): Promise<number[]> {
    const items = await Promise.all([this.stored(id), this.stored(sessionKey(id))])
    return items.flatMap((item) => (item === undefined ? [] : [Number(item.version?.N)]))
  }
}

export const inAnHour = () => new Date(Date.now() + 3_600_000)

/** Waits until `condition` holds, at most ten seconds. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('It did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Holds the instance's next call of that name until the returned function is called. */
export function hold(instance: Instance, name: string): { reached: Promise<void>; release: () => void } {
  let reach = () => {}
  let release = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  instance.before = (call) => {
    if (call !== name) return
    instance.before = () => {}
    reach()
    return released
  }
  return { reached, release }
}

/** Makes the instance's next call of that name fail. */
export function failOnce(instance: Instance, name: string): void {
  instance.before = (call) => {
    if (call !== name) return
    instance.before = () => {}
    throw new Error('down')
  }
}

interface Hooks {
  before(name: string): Promise<void> | void
  after(name: string): Promise<void> | void
}

/** The object with hooks around each of its methods, which keep their own `this`. */
function observed<T extends object>(target: T, hooks: Hooks, replaced: Partial<T> = {}): T {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(name in replaced ? replaced : target, name)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        await hooks.before(String(name))
        const result = await value.apply(target, args)
        await hooks.after(String(name))
        return result
      }
    },
  })
}
