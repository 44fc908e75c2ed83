import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { createEnvelope, localKeyring, WaxsealError, WaxsealTypeError } from '../src/index.ts'
import { forms, shown } from './support/shown.ts'

const context = { id: 'row-canary' }

describe('the brand', () => {
  it('holds across copies of the module, both ways', async () => {
    vi.resetModules()
    const copy = await import('../src/errors.ts')
    expect(copy.WaxsealError).not.toBe(WaxsealError)
    const [ours, theirs] = [WaxsealError, copy.WaxsealError].map((Class) => new Class('ERR_WAXSEAL_CONFIG', 'x'))
    expect(ours).toBeInstanceOf(copy.WaxsealError)
    expect(theirs).toBeInstanceOf(WaxsealError)
    expect(new copy.WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'x')).toBeInstanceOf(WaxsealError)
  })

  it('is on type errors too, which are TypeErrors, and on nothing else', () => {
    const misuse = new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'x')
    expect(misuse).toBeInstanceOf(TypeError)
    expect(misuse).toBeInstanceOf(WaxsealError)
    expect(misuse).toBeInstanceOf(WaxsealTypeError)
    for (const other of [new Error('x'), new TypeError('x'), { code: 'ERR_WAXSEAL_CONFIG' }, null, 'x']) {
      expect(other instanceof WaxsealError).toBe(false)
    }
    expect(new WaxsealError('ERR_WAXSEAL_CONFIG', 'x') instanceof WaxsealTypeError).toBe(false)
  })

  it('is not enumerable, so logs show code and retryable and no more', () => {
    const error = new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'x', { retryable: true, cause: new Error('y') })
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'WaxsealError',
      code: 'ERR_WAXSEAL_KEY_UNAVAILABLE',
      message: 'x',
      retryable: true,
    })
    expect((error.cause as Error).message).toBe('y')
    expect(Object.keys(error).sort()).toEqual(['code', 'name', 'retryable'])
  })
})

describe('no error and no object of ours shows', () => {
  const root = randomBytes(32)
  const secret = 'plaintext-canary'
  const forbidden = [...forms(root), ...forms(Buffer.from(secret)), 'row-canary']

  it('key, plaintext or context', async () => {
    const envelope = createEnvelope({
      keyring: localKeyring(`main:${root.toString('base64url')}`),
      encryptionContext: { app: 'test' },
    })
    const text = await envelope.seal(secret, context)
    const json = await envelope.seal(`{"token": ${secret}`, context)
    const lying = await createJsonRecord(envelope)
    const broken = text.slice()
    broken[broken.length - 1]! ^= 1
    const sealer = await envelope.prepare()
    const cyclic: Record<string, unknown> = { [secret]: secret }
    cyclic.self = cyclic

    const failures = await Promise.all(
      [
        () => envelope.open(broken, context),
        () => envelope.open(text, { id: 'other' }),
        () => envelope.openJson(json, context),
        () => envelope.openJson(lying, context),
        () => envelope.open(text.subarray(0, 50), context),
        () => envelope.open(secret, context),
        () => envelope.sealJson(cyclic, context),
        () => envelope.seal(`${secret}\ud800`, context),
        () => envelope.seal(secret, { id: 'row-canary', bad: 1 } as unknown as Record<string, string>),
        () => envelope.with({ app: 'row-canary' }),
        () => envelope.with({ user: 'row-canary@example.com' }),
      ].map(async (call) => {
        try {
          await call()
        } catch (error) {
          return error
        }
        throw new Error('expected an error')
      }),
    )
    for (const value of [...failures, envelope, sealer, envelope.stats(), envelope.inspect(text)]) {
      const seen = shown(value)
      for (const canary of forbidden) expect(seen).not.toContain(canary)
    }
    for (const error of failures) expect(error).toBeInstanceOf(WaxsealError)
  })

  it('is searched in a way that finds it when it is there', () => {
    expect(shown(new Error(secret))).toContain(secret)
    expect(shown({ nested: { text: secret } })).toContain(secret)
  })
})

/** A record marked as JSON whose plaintext is none, as another writer could make it; short, as V8 quotes no more of it. */
async function createJsonRecord(envelope: ReturnType<typeof createEnvelope>): Promise<Uint8Array> {
  const stringify = vi.spyOn(JSON, 'stringify').mockReturnValueOnce('plaintext-canary')
  const record = await envelope.sealJson({}, context)
  stringify.mockRestore()
  return record
}
