import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether a form was sent by one of our own pages. SameSite=Lax already keeps the cookie off requests from other sites;
 * another port or subdomain of this host is the same site, hence this check. A client that is no browser sends no
 * Origin and holds no one else's cookie.
 */
export function isSameOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
