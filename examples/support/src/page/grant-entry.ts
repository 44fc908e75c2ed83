import type { Grant } from '@waxseal/drizzle'
import { type Html, html } from '../html.ts'
import { breakable } from './layout.ts'
import { moment } from './moment.ts'

/** One grant: where it stands, what can be done with it. */
export function grantEntry(grant: Grant, localApi: boolean): Html {
  const { id, provider, account, kind, status, version } = grant
  const inUse = status !== 'REVOKED'
  return html`
    <li data-grant="${id}" data-version="${version}">
      <div class="who">
        <b>${provider}</b>
        <span>${account === '' ? html`<span class="none">API key</span>` : breakable(account)}</span>
        <span class="status" data-status="${status}">${status}</span>
      </div>
      <dl class="facts">
        ${inUse && fact(kind === 'oauth' ? 'access token' : 'expires', ending(grant))}
        ${kind === 'oauth' && fact('last refresh', sinceOr(grant.lastRefreshedAt, 'not yet'))}
        ${fact('version', String(version))}
        ${fact('last use', sinceOr(grant.lastUsedAt, 'not yet'))}
        ${grant.lastError !== null && fact('last error', grant.lastError)}
      </dl>
      ${inUse && actions(grant, localApi)}
    </li>`
}

function actions(grant: Grant, localApi: boolean): Html {
  const isOAuth = grant.kind === 'oauth'
  return html`
    <div class="actions">
      ${isOAuth && action('refresh', 'Refresh now', grant)}
      ${isOAuth && localApi && action('burst', 'Let 50 calls fail at once', grant, reportableFrom(grant))}
      ${action('revoke', 'Revoke', grant)}
    </div>`
}

function fact(name: string, value: Html | string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

function ending({ expiresAt }: Grant): Html | string {
  if (expiresAt === null) return 'not known to expire'
  const milliseconds = expiresAt.getTime()
  const seconds = Math.floor((milliseconds - Date.now()) / 1000)
  if (seconds <= 0) return 'ended; renewed with its next use'
  return html`ends in <time data-until="${milliseconds}">${seconds} seconds</time>`
}

function sinceOr(date: Date | null, otherwise: string): Html | string {
  return date === null ? otherwise : moment(date.getTime())
}

/** A token that is less than a minute old is not refreshed again, whoever reports it: a provider must not be hammered. */
function reportableFrom({ lastRefreshedAt }: Grant): number | undefined {
  const from = (lastRefreshedAt?.getTime() ?? 0) + 60_000
  return from > Date.now() ? from : undefined
}

/** @param from when it can be done, if not at once: milliseconds since the epoch */
function action(name: string, label: string, { provider, account }: Grant, from?: number): Html {
  return html`
    <form method="post" action="/grants/${name}">
      <input type="hidden" name="provider" value="${provider}"><input type="hidden" name="account" value="${account}">
      <button${from !== undefined && html` disabled data-from="${from}" title="The token is less than a minute old"`}>${label}</button>
    </form>`
}
