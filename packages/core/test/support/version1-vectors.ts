import { readdirSync, readFileSync } from 'node:fs'
import { createEnvelope, type Envelope, type Version1DataKeys, WaxsealError } from '../../src/index.ts'
import type { EncryptedSessionRecord } from '../../src/version1/index.ts'

export interface ItemVector {
  readonly scenario: string
  readonly format: 'item'
  readonly dataKey: string
  readonly wrapped: string
  readonly item: EncryptedSessionRecord
}

export interface TextVector {
  readonly scenario: string
  readonly format: 'text'
  readonly secret: string
  /** One of the two is there. */
  readonly text?: string
  readonly bytes?: string
}

export type OpenVector = (ItemVector | TextVector) & { readonly plaintext: string }
export type RefuseVector = (ItemVector | TextVector) & { readonly error: string }

/** The files of one folder, with their names. */
export function version1Vectors<Kind extends 'open' | 'refuse'>(
  kind: Kind,
): [string, Kind extends 'open' ? OpenVector : RefuseVector][] {
  const folder = new URL(`../../../../vectors/version1/${kind}/`, import.meta.url)
  return readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8'))])
}

/** An envelope whose keyring has one data key of version 1, and unwraps the one blob that it is in. */
export function version1Envelope(dataKey: Uint8Array, wrapped: Uint8Array): Envelope {
  const none = (): never => {
    throw new Error('this keyring has version 1 alone')
  }
  const wrappedKey = { keyringId: 1, kid: 'eu-west-1:version-1', wrapped }
  // The envelope overwrites what it is given.
  const plaintextKey = (): Uint8Array => new Uint8Array(dataKey)
  const version1: Version1DataKeys = {
    generateDataKey: async () => ({ plaintextKey: plaintextKey(), wrappedKeys: [wrappedKey] }),
    async unwrapDataKey(blob) {
      if (Buffer.compare(blob, wrapped) === 0) return { plaintextKey: plaintextKey(), wrappedKey }
      throw new WaxsealError('ERR_WAXSEAL_INTEGRITY', 'another blob')
    },
  }
  const keyring = { generateDataKey: none, wrapDataKey: none, unwrapDataKey: none, version1 }
  return createEnvelope({ keyring, encryptionContext: { app: 'test' } })
}
