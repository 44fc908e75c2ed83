import { inspectRecord, type RecordInfo } from '@waxseal/core'

/** Groups of fields that share a colour. */
export type FieldKind = 'header' | 'key' | 'salt' | 'commitment' | 'data' | 'tag'

/** One field of a record as the page shows it. */
export interface RecordField {
  readonly kind: FieldKind
  readonly name: string
  /** What earlier designs called it. */
  readonly olderWord?: string
  readonly offset: number
  readonly bytes: Uint8Array
  /** Its value for people, where the bytes alone say little. */
  readonly value?: string
  readonly meaning: string
}

type Description = Omit<RecordField, 'offset' | 'bytes'>

/** Takes a record apart, field by field, in order and without gaps. Needs no key: this is what anybody can read. */
export function recordFields(record: Uint8Array): RecordField[] {
  const info = inspectRecord(record)
  const fields: RecordField[] = []
  let lengthPrefix = 0
  for (const { field, offset, length } of info.parts) {
    // A length stands before kid and wrapped key; shown together they read as one field.
    if (/(kid|wrapped)Length$/.test(field)) {
      lengthPrefix = length
      continue
    }
    const start = offset - lengthPrefix
    fields.push({ ...describe(field, info), offset: start, bytes: record.subarray(start, offset + length) })
    lengthPrefix = 0
  }
  return fields
}

function describe(field: string, info: RecordInfo): Description {
  const [, list, index = '0', name = field] = /^(\w+)\[(\d+)\]\.(\w+)$/.exec(field) ?? []
  const nth = Number(index) > 0 ? ` ${Number(index) + 1}` : ''
  const key = list === 'wrappedKeys' ? info.wrappedKeys[Number(index)] : undefined
  switch (name) {
    case 'magic':
      return header('magic', 'Says “Waxseal record”. No text begins with this byte.')
    case 'version':
      return header('version', 'Of the record format.', String(info.version))
    case 'suite':
      return header('suite', 'The one way to encrypt: AES-256-GCM under keys derived with HKDF-SHA-512.', info.suite)
    case 'flags':
      return header('flags', 'Neither padded nor compressed.', 'none')
    case 'content':
      return header('content', 'What the plaintext is.', info.content)
    case 'wrappedKeyCount':
      return header('wrapped keys', 'How many wrappings of the data key follow.', String(info.wrappedKeys.length))
    case 'keyringId':
      return { kind: 'key', name: `keyring${nth}`, value: key?.keyring ?? '', meaning: 'Who can unwrap the data key.' }
    case 'kid':
      return {
        kind: 'key',
        name: `kid${nth}`,
        value: key?.kid ?? '',
        meaning: 'Which of its keys. A name, public.',
      }
    case 'wrapped':
      return {
        kind: 'key',
        name: `wrapped key${nth}`,
        olderWord: 'encryptedKey',
        meaning: 'The data key, encrypted under that key. The data key itself is never stored.',
      }
    case 'salt':
      return {
        kind: 'salt',
        name: 'salt',
        olderWord: 'iv',
        meaning: 'Random for every write. This record’s own key and nonce are derived from it.',
      }
    case 'commitment':
      return {
        kind: 'commitment',
        name: 'commitment',
        meaning: 'Ties the record to one key and to this row. Checked before anything is decrypted.',
      }
    case 'ciphertext':
      return { kind: 'data', name: `ciphertext${nth}`, olderWord: 'encryptedData', meaning: 'The session, all of it.' }
    case 'tag':
      return {
        kind: 'tag',
        name: `tag${nth}`,
        olderWord: 'authTag',
        meaning: 'Fails if one bit of the session changed.',
      }
    default:
      return header(field, '')
  }
}

function header(name: string, meaning: string, value?: string): Description {
  return { kind: 'header', name, meaning, ...(value === undefined ? {} : { value }) }
}
