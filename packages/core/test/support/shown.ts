import { inspect } from 'node:util'

/** Everything that a log, a crash report or a copy could show of a value. */
export function shown(value: unknown): string {
  const parts = [inspect(value, { depth: 20, showHidden: true }), String(value), JSON.stringify(value) ?? '']
  if (value instanceof Error) parts.push(value.stack ?? '', inspect(structuredClone(value), { depth: 20 }))
  return parts.join('\n')
}

/** What bytes may look like in text. */
export function forms(bytes: Uint8Array): string[] {
  return (['hex', 'base64', 'base64url', 'latin1'] as const).map((encoding) => Buffer.from(bytes).toString(encoding))
}
