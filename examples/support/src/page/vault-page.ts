import type { Grant, GrantStatus } from '@waxseal/drizzle'
import { type Html, html } from '../html.ts'
import { grantEntry } from './grant-entry.ts'
import { breakable, layout } from './layout.ts'

/** What came of the last thing that the user asked for. */
export interface Notice {
  readonly good: boolean
  readonly text: string
}

/** What the page of the vault is made of. */
export interface VaultView {
  readonly email: string
  readonly tenants: readonly { readonly id: string; readonly name: string }[]
  /** One of them. */
  readonly tenantId: string
  readonly grants: readonly Grant[]
  readonly counts: Readonly<Record<GrantStatus, number>>
  readonly notice?: Notice | undefined
  /** Whether there is an API whose tokens can be ended on demand. */
  readonly localApi: boolean
}

/** The page at `/`: the accounts that a tenant has connected, or the way in. Holds no token. */
export function renderVaultPage(view: VaultView | undefined): string {
  return layout('Fastify · Postgres', view !== undefined, view === undefined ? welcome() : inside(view))
}

function welcome(): Html {
  return html`
    <section class="hero">
      <h1>Other people’s tokens, kept and renewed.</h1>
      <p class="lead">Sign in, connect an account, and watch its access token expire and come back, asked for once however many ask.</p>
      <p><a class="button primary" href="/auth/login">Sign in</a></p>
    </section>
    <section class="card steps">
      <h2>Then try</h2>
      <ol>
        <li><b>Connect an account.</b> Its tokens go from the provider into the vault, and never to this page.</li>
        <li><b>Let 50 calls fail at once.</b> All of them are refused with 401, the provider is asked once, all succeed.</li>
        <li><b>Stop the server and start it again.</b> You are still signed in, and the grants still renew.</li>
        <li><b>Switch to the other tenant.</b> It has connections of its own; a row moved over there would not open.</li>
      </ol>
    </section>`
}

function inside(view: VaultView): Html {
  const { email, tenants, tenantId, grants, notice } = view
  const name = tenants.find(({ id }) => id === tenantId)?.name
  return html`
    <section class="hero">
      <p class="eyebrow">${breakable(email)} for</p>
      <h1>${name}</h1>
      <form method="post" action="/tenant" class="tabs" aria-label="Tenant">
        ${tenants.map(
          ({ id, name }) =>
            html`<button name="tenant" value="${id}"${id === tenantId && html` aria-current="true"`}>${name}</button>`,
        )}
      </form>
    </section>
    ${notice !== undefined && html`<p class="notice" role="status" data-good="${String(notice.good)}">${notice.text}</p>`}
    <section class="card">
      <h2>Connections ${health(view.counts)}</h2>
      ${
        grants.length === 0
          ? html`<p class="note">None yet. The local provider takes any e-mail address.</p>`
          : html`<ul class="grants">${byUse(grants).map((grant) => grantEntry(grant, view.localApi))}</ul>`
      }
      <p class="connect"><a class="button primary" href="/connect">Connect ${grants.length === 0 ? 'an' : 'another'} account</a></p>
    </section>
    <section class="card">
      <h2>An API key</h2>
      <p class="note">Some providers issue a key and no tokens. The vault keeps it all the same, sealed, in a row of its own.</p>
      <form method="post" action="/api-keys" class="inline">
        <input name="key" type="password" maxlength="200" required placeholder="Key of your Voicenter account" aria-label="API key" autocomplete="off">
        <button>Store</button>
      </form>
    </section>`
}

/** Those in use first. */
function byUse(grants: readonly Grant[]): Grant[] {
  return grants.toSorted((a, b) => Number(a.status === 'REVOKED') - Number(b.status === 'REVOKED'))
}

/** How many grants there are in each status. */
function health(counts: VaultView['counts']): Html[] {
  const known = Object.entries(counts).filter(([, count]) => count > 0)
  return known.map(([status, count]) => html`<span class="status" data-status="${status}">${count} ${status}</span> `)
}
