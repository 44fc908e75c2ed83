import { randomBytes } from 'node:crypto'

/** A token that nothing else looks like. */
export const canary = (name: string): string => `${name}-${randomBytes(24).toString('base64url')}`

/** All the ways in which a token could be read out of a text. */
export function spellings(token: string): string[] {
  const bytes = Buffer.from(token)
  // Base64 of a text in the middle of another depends on where it begins, modulo three.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  )
  const url = shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [
    token,
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...shifted,
    ...url,
    encodeURIComponent(token),
  ]
}
