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
      <div class="actions">
        ${kind === 'oauth' && inUse && action('refresh', 'Refresh now', grant)}
        ${kind === 'oauth' && inUse && localApi && action('burst', 'Let 50 calls fail at once', grant)}
        ${inUse && action('revoke', 'Revoke', grant)}
      </div>
    </li>`
}

function fact(name: string, value: Html | string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

function ending({ expiresAt }: Grant): Html | string {
  if (expiresAt === null) return 'not known to expire'
  const milliseconds = expiresAt.getTime()
  const seconds = Math.max(0, Math.floor((milliseconds - Date.now()) / 1000))
  return html`ends in <time data-until="${milliseconds}">${seconds} seconds</time>`
}

function sinceOr(date: Date | null, otherwise: string): Html | string {
  return date === null ? otherwise : moment(date.getTime())
}

function action(name: string, label: string, { provider, account }: Grant): Html {
  return html`
    <form method="post" action="/grants/${name}">
      <input type="hidden" name="provider" value="${provider}"><input type="hidden" name="account" value="${account}">
      <button>${label}</button>
    </form>`
}
