import { misuse } from '../vault/arguments.ts'
import { isSecure } from './http.ts'

/** The app as it is registered with a provider. */
export interface OAuthApp {
  readonly clientId: string
  readonly clientSecret: string
}

/** Throws `ERR_WAXSEAL_ARGUMENT`: an empty setting must be found when the app starts, not when a token runs out. */
export function checkApp({ clientId, clientSecret }: OAuthApp): void {
  checkText('clientId', clientId)
  checkText('clientSecret', clientSecret)
}

/** Names the option, never its value. */
export function checkText(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') misuse(`${what} must be a text that is not empty`)
}

/** An absolute URL that tokens may be sent to. */
export function checkUrl(what: string, value: unknown, allowHttp: boolean): void {
  if (typeof value !== 'string' || !URL.canParse(value)) misuse(`${what} must be a URL`)
  if (!isSecure(new URL(value), allowHttp)) misuse(`${what} must be https; http is for this machine, or with allowHttp`)
}
