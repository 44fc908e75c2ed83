/** What must not be found, each with the name that a report gives it. */
export type Secrets = Readonly<Record<string, string>>

const MIN_LENGTH = 6

/**
 * The names of the secrets that stand in `text`, as they are, URL-encoded, in hex, in base64 or base64url; base64 of a
 * longer text that contains the secret is found at each of its three alignments. Parts of a token (a JWT has three)
 * count as secrets of their own.
 */
export function findLeaks(text: string | Uint8Array, secrets: Secrets): string[] {
  const haystack = (typeof text === 'string' ? Buffer.from(text) : Buffer.from(text)).toString('latin1')
  const lowerCase = haystack.toLowerCase()
  const leaks: string[] = []
  for (const [name, secret] of Object.entries(secrets)) {
    // A secret that is empty or tiny is a mistake of the test, and would prove nothing.
    if (secret.length < MIN_LENGTH) throw new Error(`The secret ${name} is too short to look for`)
    const parts = [secret, ...secret.split('.').filter((part) => part.length > 20)]
    const found = parts.some(
      (part) =>
        encodings(part).some((encoded) => haystack.includes(encoded)) ||
        lowerCase.includes(Buffer.from(part).toString('hex')),
    )
    if (found) leaks.push(name)
  }
  return leaks
}

/** Every way in which these characters could stand in a log or a column. */
function encodings(secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
    // Only the characters that depend on the secret alone, not on what stands before and after it.
    const from = Math.ceil((shift * 8) / 6)
    const to = Math.floor((bytes.length * 8) / 6)
    forms.push(bytes.toString('base64').slice(from, to), bytes.toString('base64url').slice(from, to))
  }
  return forms.map(asLatin1)
}

/** One character for each byte, so that texts compare as their bytes do. */
function asLatin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
