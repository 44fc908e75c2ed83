/** The scenarios that open. */
import { bytes, open } from './scenario.ts'

for (const [length, what] of [
  [0, 'No bytes: one empty chunk'],
  [1, 'One byte'],
  [16_383, 'The longest plaintext in one chunk'],
  [16_384, 'A full chunk, and an empty one behind it'],
  [16_385, 'A full chunk, and one byte behind it'],
  [32_768, 'Two full chunks, and an empty one: the nonce of chunk 2'],
] as const) {
  open(`bytes-${length}`, what, { content: 'bytes', plaintext: bytes(`plaintext ${length}`, length) })
}
open('text', 'Text, with characters beyond ASCII and a byte order mark that stays', {
  plaintext: Buffer.from('\ufeffna\u00efve \u{1f511}'),
})
open('json', 'JSON with a __proto__ key, which is data', {
  content: 'json',
  plaintext: Buffer.from('{"user":"ada","__proto__":{"admin":true}}'),
})
open('grant', 'The record context of a token grant, and an encryption context with a tenant', {
  encryptionContext: { app: 'shop', purpose: 'grant', tenant: 'acme' },
  recordContext: {
    purpose: 'grant',
    table: 'token_vault',
    tenant: 'acme',
    provider: 'google',
    account: '1',
    kind: 'refresh_token',
    id: '42',
  },
})
open('context-order', 'Names sorted by UTF-8 bytes: an astral character after U+FFFF', {
  recordContext: { '\u{10000}': 'astral', '\uffff': 'last', '\ue000': 'private', a: 'first' },
})
open('context-separators', 'Separators in a context are data: one entry', { recordContext: { 'a=b&c': 'd=e&f' } })
open('context-empty-strings', 'Empty names and values count as entries', { recordContext: { '': '', a: '' } })
open('second-root-key', 'Opened with a root key that stands second: decrypt-only', {
  rootKeys: [bytes('second-root-key current', 32), bytes('second-root-key old', 32)],
  locals: [1],
})
open('kms-and-local', 'Two KMS keys before a local one: the local one opens it, and so it does without KMS', {
  kms: ['eu-west-1:mrk-1234abcd12ab34cd56ef1234567890ab', 'us-east-1:1234abcd-12ab-34cd-56ef-1234567890ab'],
})
open('two-root-keys', 'One data key wrapped under two root keys', {
  rootKeys: [bytes('two-root-keys a', 32), bytes('two-root-keys b', 32)],
  locals: [0, 1],
})
