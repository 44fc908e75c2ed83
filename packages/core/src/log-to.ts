import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { channelNames, type WaxsealEvent } from './diagnostics.ts'

/** The part of a pino-like logger that is used: fields first, message last. */
export interface Logger {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/**
 * Sends every Waxseal event of this process to a logger: what failed at `warn`, the rest at `debug`.
 * Events hold hashed ids, sizes, durations and codes, so logs need no redaction for their sake.
 * @returns a function that ends it.
 */
export function logTo(logger: Logger): () => void {
  const listener = (message: unknown, name: string | symbol): void => {
    const { level, ...fields } = message as WaxsealEvent
    const text =
      fields.code === undefined ? `${String(name)} ${fields.type}` : `${String(name)} ${fields.type} ${fields.code}`
    if (level === 'warn') logger.warn(fields, text)
    else logger.debug(fields, text)
  }
  for (const name of channelNames) subscribe(name, listener)
  return () => {
    for (const name of channelNames) unsubscribe(name, listener)
  }
}
