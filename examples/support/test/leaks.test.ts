import { describe, expect, test } from 'vitest'
import { findLeaks } from '../src/testing/index.ts'

const SECRET = 'tøken+/=&.a1b2c3'
const secrets = { it: SECRET }

describe('findLeaks finds a secret', () => {
  test.each<[string, (secret: string) => string]>([
    ['as it is', (secret) => secret],
    ['URL-encoded', encodeURIComponent],
    ['in lower-case hex', (secret) => Buffer.from(secret).toString('hex')],
    ['in upper-case hex', (secret) => Buffer.from(secret).toString('hex').toUpperCase()],
    ...(['base64', 'base64url'] as const).flatMap((encoding) =>
      ['', 'x', 'xy', 'xyz'].map((before): [string, (secret: string) => string] => [
        `in ${encoding} behind ${before.length} bytes`,
        (secret) => Buffer.from(`${before}${secret}and more`).toString(encoding),
      ]),
    ),
  ])('%s', (_name, encode) => {
    expect(findLeaks(`before ${encode(SECRET)} after`, secrets)).toEqual(['it'])
  })

  test('in bytes that are no text', () => {
    expect(findLeaks(Buffer.concat([Buffer.from([0xec, 0xff]), Buffer.from(SECRET)]), secrets)).toEqual(['it'])
  })

  test('by one long part of a token', () => {
    const token = 'eyJhbGciOiJFUzI1NiJ9aaaa.eyJzdWIiOiJjYW5hcnkifQbbbb.c2lnbmF0dXJlc2lnbmF0dXJl'
    expect(findLeaks('…c2lnbmF0dXJlc2lnbmF0dXJl…', { token })).toEqual(['token'])
  })
})

test('findLeaks finds nothing where nothing is, and refuses what is too short to look for', () => {
  expect(findLeaks('nothing of that kind', secrets)).toEqual([])
  expect(() => findLeaks('text', { short: 'abc' })).toThrow('too short')
})
