// Named so, because it is left out, and said to be, where there is no Python.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { decrypt, type EncryptionResult, encrypt, generateEncryptionSecret } from '../src/version1/index.ts'
import { version1Envelope, version1Vectors } from './support/version1-vectors.ts'

const script = fileURLToPath(new URL('../../../tools/vectors/version1.py', import.meta.url))
const lengths = [0, 1, 15, 16, 17, 500]

/** The answers to lines of JSON. */
async function python<Answer>(command: 'seal' | 'open', lines: readonly object[]): Promise<Answer[]> {
  const running = promisify(execFile)('python3', [script, command])
  running.child.stdin?.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { stdout } = await running
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
}

const items = lengths.map((length) => ({
  dataKey: randomBytes(32),
  wrapped: randomBytes(184),
  plaintext: randomBytes(length),
}))
const texts = lengths.map((length) => ({
  secret: generateEncryptionSecret(),
  plaintext: `\u{1f511}${randomBytes(length).toString('latin1')}`,
}))

describe('a second implementation of version 1, in Python,', () => {
  it('opens, reproduces and refuses the same frozen values', async () => {
    const { stdout } = await promisify(execFile)('python3', [script, 'verify'])
    const [open, refuse] = [version1Vectors('open').length, version1Vectors('refuse').length]
    expect(stdout.trim()).toBe(`${open} of version 1 open and come out the same, ${refuse} are refused; 0 failures`)
  })

  it('opens items that ours sealed', async () => {
    const sealed = items.map(async ({ dataKey, wrapped, plaintext }) => {
      const item = await version1Envelope(dataKey, wrapped).sealVersion1(plaintext)
      expect(item.encryptedKey).toBe(wrapped.toString('base64'))
      return { format: 'item', item, dataKey: dataKey.toString('hex') }
    })
    expect(await python('open', await Promise.all(sealed))).toEqual(
      items.map(({ plaintext }) => plaintext.toString('hex')),
    )
  })

  it('seals items that ours opens', async () => {
    const orders = items.map(({ dataKey, wrapped, plaintext }) => ({
      format: 'item',
      dataKey: dataKey.toString('hex'),
      wrapped: wrapped.toString('hex'),
      plaintext: plaintext.toString('hex'),
    }))
    const sealed = await python<EncryptionResult>('seal', orders)
    for (const [i, { dataKey, wrapped, plaintext }] of items.entries()) {
      const opened = await version1Envelope(dataKey, wrapped).openVersion1(sealed[i]!)
      expect(plaintext.equals(opened)).toBe(true)
    }
  })

  it('decrypts text that ours encrypted', async () => {
    const encrypted = texts.map(async ({ secret, plaintext }) => {
      return { format: 'text', secret, text: await encrypt(plaintext, { secret }) }
    })
    const opened = await python<string>('open', await Promise.all(encrypted))
    expect(opened.map((hex) => Buffer.from(hex, 'hex').toString())).toEqual(texts.map(({ plaintext }) => plaintext))
  })

  it('encrypts text that ours decrypts', async () => {
    const orders = texts.map(({ secret, plaintext }) => {
      return { format: 'text', secret, plaintext: Buffer.from(plaintext).toString('hex') }
    })
    const encrypted = await python<string>('seal', orders)
    const opened = encrypted.map((text, i) => decrypt(text, { secret: texts[i]!.secret }))
    expect(await Promise.all(opened)).toEqual(texts.map(({ plaintext }) => plaintext))
  })
})
