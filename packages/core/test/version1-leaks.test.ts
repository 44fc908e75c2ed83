import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { WaxsealError } from '../src/index.ts'
import { checkEncryptionSecret, decrypt, type EncryptionResult, encrypt } from '../src/version1/index.ts'
import { forms, shown } from './support/shown.ts'
import { version1Envelope } from './support/version1-vectors.ts'

const secret = 'secret-canary-of-thirty-two-characters'
const token = 'token-canary'
const dataKey = randomBytes(32)
const wrapped = randomBytes(184)

it('no error of version 1 shows the secret, the data key or the plaintext', async () => {
  const options = { secret }
  const text = await encrypt(token, options)
  const stored = Buffer.from(text, 'base64')
  const broken = Buffer.from(stored)
  broken[broken.length - 1]! ^= 1
  const envelope = version1Envelope(dataKey, wrapped)
  const item = await envelope.sealVersion1(token)
  const notUtf8 = Buffer.concat([Buffer.from(token), Buffer.of(0xff)])
  const openItem = (changes: object) => envelope.openVersion1({ ...item, ...changes } as EncryptionResult)

  const calls: (() => unknown)[] = [
    () => decrypt(broken.toString('base64'), options),
    () => decrypt(text, { secret: secret.replace('of', 'or') }),
    () => decrypt(text, { secret: 'secret-canary' }),
    () => decrypt(text, { secret: { secret } as unknown as string }),
    () => decrypt(`${text}\n`, options),
    // A column that was never encrypted.
    () => decrypt(token, options),
    () => decrypt(Buffer.from(token), options),
    () => decrypt([token] as unknown as string, options),
    () => decrypt(text, { secret, acceptUntil: new Date(0) }),
    () => decrypt(text, { secret, acceptUntil: token as unknown as Date }),
    () => encrypt(`${token}\ud800`, options),
    () => encrypt(token.repeat(100_000), options),
    () => encrypt({ token } as unknown as string, options),
    () => encrypt(notUtf8 as unknown as string, options),
    () => checkEncryptionSecret({ secret: 'secret-canary' }),
    () => openItem({ encryptedData: token }),
    () => openItem({ encryptedKey: dataKey.toString('base64') }),
    () => openItem({ authTag: randomBytes(16).toString('base64') }),
    () => openItem({ iv: { toString: () => token } }),
    () => envelope.openVersion1(token as unknown as EncryptionResult),
    () => envelope.sealVersion1({ token } as unknown as string),
    () => envelope.sealVersion1(token.repeat(100_000)),
  ]
  const forbidden = [...forms(dataKey), ...forms(Buffer.from(token)), 'canary', text]
  for (const [i, call] of calls.entries()) {
    const error = await Promise.resolve()
      .then(call)
      .catch((reason: unknown) => reason)
    expect(error, `call ${i}`).toBeInstanceOf(WaxsealError)
    const seen = shown(error)
    for (const canary of forbidden) expect(seen).not.toContain(canary)
  }
})
