import { createDecipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decrypt } from '../src/version1/index.ts'
import { codeOf } from './support/codes.ts'
import {
  type ItemVector,
  type OpenVector,
  type RefuseVector,
  version1Envelope,
  version1Vectors,
} from './support/version1-vectors.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

async function open(vector: OpenVector | RefuseVector): Promise<string> {
  if (vector.format === 'item') {
    const envelope = version1Envelope(bytes(vector.dataKey), bytes(vector.wrapped))
    return Buffer.from(await envelope.openVersion1(vector.item)).toString('hex')
  }
  const stored = vector.text ?? bytes(vector.bytes ?? '')
  return Buffer.from(await decrypt(stored, { secret: vector.secret })).toString('hex')
}

describe('frozen values of version 1', () => {
  it.each(version1Vectors('open'))('open: %s', async (_, vector) => {
    expect(await open(vector)).toBe(vector.plaintext)
    if (vector.format === 'item') return
    const { text = '', secret } = vector
    expect(Buffer.from(await decrypt(Buffer.from(text), { secret })).toString('hex')).toBe(vector.plaintext)
  })

  it.each(version1Vectors('refuse'))('are refused: %s', async (_, vector) => {
    expect(await codeOf(() => open(vector))).toBe(vector.error)
  })

  it.each(version1Vectors('refuse').filter(([name]) => /^item-(iv-(8|11|13|16)|tag-(4|8|12|15))\./.test(name)))(
    'would open for a reader that looks at no lengths: %s',
    (_, vector) => {
      const { item, dataKey } = vector as ItemVector
      const [iv, tag, data] = [item.iv, item.authTag, item.encryptedData].map((text) => Buffer.from(text, 'base64'))
      const lenient = createDecipheriv('aes-256-gcm', bytes(dataKey), iv!)
      lenient.setAuthTag(tag!)
      expect(JSON.parse(lenient.update(data!, undefined, 'utf8') + lenient.final('utf8'))).toHaveProperty('user')
    },
  )
})
