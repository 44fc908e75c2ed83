import { WaxsealError } from '../errors.ts'

/** A key or an alias as the configuration names it. */
export interface KeyName {
  /** The text as configured, which KMS understands. */
  readonly text: string
  readonly isAlias: boolean
  /** From the ARN; undefined for a bare id or alias, which is of its client's Region. */
  readonly region: string | undefined
  /** The key id, `mrk-…` for a multi-Region key; of an alias its name, `alias/…`. */
  readonly id: string
}

// Together with the colon between them, Region and id fit the 64 bytes of a kid.
const ARN = /^arn:[\w-]+:kms:([a-z0-9-]{1,23}):\d{12}:(?:key\/([\w-]{1,40})|(alias\/[\w/-]{1,250}))$/
const KEY_ID = /^[\w-]{1,40}$/
const ALIAS = /^alias\/[\w/-]{1,250}$/

/** @throws WaxsealError `ERR_WAXSEAL_CONFIG`; the message names the option and not the text, which may be anything. */
export function parseKeyName(text: string | undefined, option: string): KeyName {
  if (typeof text !== 'string' || text === '') throw configError(`${option} is not set: give it the ARN of a KMS key`)
  const [, region, keyId, alias] = ARN.exec(text) ?? []
  const bareAlias = ALIAS.test(text) ? text : undefined
  const id = keyId ?? alias ?? bareAlias ?? (KEY_ID.test(text) ? text : undefined)
  if (id === undefined) throw configError(`${option} holds neither the ARN nor the id of a KMS key`)
  const isAlias = id.startsWith('alias/')
  if (isAlias && option !== 'keyId') throw configError(`${option} cannot hold an alias, which may be pointed elsewhere`)
  return { text, isAlias, region, id }
}

/** Whether an ARN that KMS answered with is this key in this Region. */
export function isArnOf(arn: string | undefined, name: KeyName, region: string): boolean {
  if (arn === undefined) return false
  // A configured ARN says the account too; a bare id is looked up in that of the client's credentials.
  if (name.region !== undefined) return arn === name.text
  const [, answeredRegion, answeredId] = ARN.exec(arn) ?? []
  return answeredRegion === region && answeredId === name.id
}

export function configError(problem: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_CONFIG', `Waxseal: ${problem}`)
}
