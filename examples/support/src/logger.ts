import { type Logger, pino } from 'pino'

/**
 * JSON lines on standard output, from LOG_LEVEL (default `info`) up. A request is logged without its query, which
 * carries the authorization code on the way back from the provider, and without headers, which carry the cookie.
 */
export function createLogger(): Logger {
  return pino({
    level: process.env.LOG_LEVEL ?? 'info',
    serializers: {
      req: ({ method, url = '' }: { method?: string; url?: string }) => ({ method, path: pathOf(url) }),
    },
  })
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? ''
}
