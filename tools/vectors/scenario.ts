/** How a scenario becomes a file of vectors/. A file that exists is never written again. */
import { createHash, createSecretKey, type KeyObject, scryptSync } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { encodeContext } from '../../packages/core/src/context.ts'
import { localKid, wrapDataKey } from '../../packages/core/src/local-keyring.ts'
import { encodeParameters, wrapDataKey as wrapByPassphrase } from '../../packages/core/src/passphrase-keyring.ts'
import { type ContentName, encodeHeader } from '../../packages/core/src/record.ts'
import { sealRecord } from '../../packages/core/src/seal-record.ts'

type Context = Record<string, string>
type WrappedKeySource =
  | { keyring: 'local'; rootKey: number; salt: string }
  | { keyring: 'aws-kms'; kid: string; wrapped: string }
  | { keyring: 'passphrase'; salt: string }

/** The configuration of a passphrase keyring; without `salt` the one that follows from the kid. */
export interface Passphrase {
  passphrase: string
  kid: string
  salt?: string
  N: number
  r: number
  p: number
}

interface Positive {
  scenario: string
  rootKeys: string[]
  passphrase?: Passphrase
  encryptionContext: Context
  recordContext: Context
  dataKey: string
  wrappedKeys: WrappedKeySource[]
  salt: string
  content: ContentName
  plaintext: string
  record: string
}

export const SESSION: Context = {
  purpose: 'session',
  table: 'sessions',
  key: createHash('sha256').update('a session id').digest('base64url'),
}
export const APP: Context = { app: 'shop', purpose: 'session' }
const folder = new URL('../../vectors/', import.meta.url)

/** As many bytes as asked for that follow from a label and nothing else. */
export function bytes(label: string, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let i = 0; blocks.length * 32 < length; i++) {
    blocks.push(createHash('sha256').update(`waxseal vectors ${label} ${i}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

export const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')

interface Choice {
  content?: ContentName
  plaintext?: Uint8Array
  rootKeys?: Buffer[]
  passphrase?: Passphrase
  encryptionContext?: Context
  recordContext?: Context
  kms?: string[]
  locals?: number[]
}

/** The key of a passphrase, as the keyring has it. */
export function passphraseKey({ passphrase, kid, salt, ...cost }: Passphrase): {
  kid: string
  parameters: Uint8Array
  key: KeyObject
} {
  const parameters = encodeParameters({ kid, ...cost, ...(salt !== undefined && { salt: Buffer.from(salt, 'hex') }) })
  const bytes = scryptSync(passphrase, parameters.subarray(3), 32, { ...cost, maxmem: 2 ** 31 })
  return { kid, parameters, key: createSecretKey(bytes) }
}

export function make(name: string, scenario: string, choice: Choice = {}): Positive {
  const {
    content = 'text',
    plaintext = Buffer.from('hello'),
    encryptionContext = APP,
    recordContext = SESSION,
    passphrase,
  } = choice
  const rootKeys = choice.rootKeys ?? (passphrase === undefined ? [bytes(`${name} root key`, 32)] : [])
  const dataKey = bytes(`${name} data key`, 32)
  const salt = bytes(`${name} salt`, 24)
  const wrappedKeys: WrappedKeySource[] = [
    ...(choice.kms ?? []).map((kid) => ({
      keyring: 'aws-kms' as const,
      kid,
      wrapped: hex(bytes(`${name} ${kid}`, 184)),
    })),
    ...(choice.locals ?? rootKeys.map((_, index) => index).slice(0, 1)).map((rootKey) => ({
      keyring: 'local' as const,
      rootKey,
      salt: hex(bytes(`${name} wrap salt ${rootKey}`, 24)),
    })),
    ...(passphrase === undefined
      ? []
      : [{ keyring: 'passphrase' as const, salt: hex(bytes(`${name} wrap salt passphrase`, 24)) }]),
  ]
  const header = encodeHeader(
    wrappedKeys.map((source) => {
      if (source.keyring === 'aws-kms')
        return { keyringId: 1, kid: source.kid, wrapped: Buffer.from(source.wrapped, 'hex') }
      if (source.keyring === 'passphrase') {
        const key = passphraseKey(passphrase as Passphrase)
        const wrapped = wrapByPassphrase(key, dataKey, encryptionContext, Buffer.from(source.salt, 'hex'))
        return { keyringId: 3, kid: key.kid, wrapped }
      }
      const key = createSecretKey(rootKeys[source.rootKey] as Buffer)
      const wrapped = wrapDataKey(
        { key, kid: localKid(key) },
        dataKey,
        encryptionContext,
        Buffer.from(source.salt, 'hex'),
      )
      return { keyringId: 2, kid: localKid(key), wrapped }
    }),
  )
  const sealKey = { key: createSecretKey(dataKey), header }
  const record = sealRecord(sealKey, content, encodeContext(recordContext), plaintext, salt)
  return {
    scenario,
    rootKeys: rootKeys.map(hex),
    ...(passphrase !== undefined && { passphrase }),
    encryptionContext,
    recordContext,
    dataKey: hex(dataKey),
    wrappedKeys,
    salt: hex(salt),
    content,
    plaintext: hex(plaintext),
    record: hex(record),
  }
}

function write(kind: 'open' | 'refuse', name: string, vector: object): void {
  const file = new URL(`${kind}/${name}.json`, folder)
  if (existsSync(file)) return
  mkdirSync(new URL(`${kind}/`, folder), { recursive: true })
  writeFileSync(file, `${JSON.stringify(vector, undefined, 2)}\n`)
}

export const open = (name: string, scenario: string, choice?: Choice): void =>
  write('open', name, make(name, scenario, choice))

interface Refusal {
  scenario: string
  error: string
  /** What becomes of the sound record that `make` gives. */
  change?: (record: Buffer, sound: Positive) => Uint8Array
  /** The text form to refuse instead of bytes. */
  text?: (record: Buffer) => string
  choice?: Choice
  opener?: Partial<Pick<Positive, 'rootKeys' | 'passphrase' | 'encryptionContext' | 'recordContext'>>
}

export function refuse(name: string, { scenario, error, change, text, choice = {}, opener = {} }: Refusal): void {
  const sound = make(name, scenario, choice)
  const record = Buffer.from(sound.record, 'hex')
  const { rootKeys, passphrase, encryptionContext, recordContext } = { ...sound, ...opener }
  const reader = { rootKeys, ...(passphrase !== undefined && { passphrase }), encryptionContext, recordContext }
  const input = text === undefined ? { record: hex(change?.(record, sound) ?? record) } : { text: text(record) }
  write('refuse', name, { scenario, ...reader, ...input, error })
}
