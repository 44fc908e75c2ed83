/** Whether a text stands anywhere in a value, as it is, in base64 or in hexadecimal. */
export function appearsIn(value: unknown, text: string): boolean {
  if (typeof value === 'string') return formsOf(text).some((form) => value.includes(form))
  if (value instanceof Uint8Array) return appearsIn(Buffer.from(value).toString('latin1'), text)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some((entry) => entry.some((part) => appearsIn(part, text)))
}

function formsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  // In base64 a text looks different at each of three places; the characters that its neighbours shape are cut off.
  const base64 = [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const own = encoded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6))
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [text, ...base64, bytes.toString('hex'), bytes.toString('hex').toUpperCase()]
}
