import type { AppSession, Tokens } from '../app-session.ts'
import { type Html, html } from '../html.ts'
import type { SessionRow } from '../session-row.ts'
import { type Device, deviceList } from './device-list.ts'
import { breakable, layout, type Stack } from './layout.ts'
import { moment } from './moment.ts'
import { recordView } from './record-view.ts'

/** What the page is made of. */
export interface PageView {
  readonly stack: Stack
  readonly session: AppSession
  readonly sessionId: string
  readonly tableName: string
  /** The session's row; absent while nobody is signed in. */
  readonly row?: SessionRow | undefined
  /** All sessions of the user, this one among them. */
  readonly devices: readonly Device[]
}

/** The page at `/`: what the app sees beside what the table holds, or the way in. */
export function renderPage(view: PageView): string {
  const { user } = view.session
  const content = user === undefined || view.row === undefined ? welcome() : inside(view, view.row)
  return layout(view.stack, user !== undefined, content)
}

function welcome(): Html {
  return html`
    <section class="hero">
      <h1>A session that only this app can read.</h1>
      <p class="lead">Sign in, and the page shows your session twice: as this app sees it, and as the database holds it, sealed.</p>
      <p><a class="button primary" href="/auth/login">Sign in</a></p>
    </section>
    <section class="card steps">
      <h2>Then try</h2>
      <ol>
        <li><b>Stop the server and start it again.</b> You are still signed in: the session is in the table, not in the process.</li>
        <li><b>Change the note.</b> The record is sealed anew, from the salt on, and its revision grows by one.</li>
        <li><b>Sign in with another browser.</b> Each sees the other, and can end it.</li>
        <li><b>Sign out.</b> The row is gone, and the old cookie opens nothing.</li>
      </ol>
    </section>`
}

function inside({ session, sessionId, tableName, devices }: PageView, row: SessionRow): Html {
  return html`
    <section class="hero">
      <p class="eyebrow">Signed in as</p>
      <h1>${breakable(session.user?.email ?? '')}</h1>
      <p class="lead">One session, seen from both sides of the database.</p>
    </section>
    <div class="sides">
      ${appSide(session, sessionId)}
      ${tableSide(tableName, row)}
    </div>
    ${deviceList(devices, row.sessionId)}
    <section class="card">
      <h2>The record, field by field</h2>
      <p class="note">All that can be read without a key. Where earlier designs had a word for it, it stands below the name.</p>
      ${recordView(row.record)}
    </section>`
}

function appSide(session: AppSession, sessionId: string): Html {
  const { user, tokens, signedInAt, note } = session
  return html`
    <section class="card">
      <h2>What the app sees</h2>
      <dl>
        ${entry('e-mail', html`${breakable(user?.email ?? '')}`)}
        ${user?.name !== undefined && entry('name', user.name)}
        ${signedInAt !== undefined && entry('signed in', moment(signedInAt))}
        ${tokens !== undefined && tokenEntries(tokens)}
        ${entry('session id', masked(sessionId), 'in your cookie, signed')}
        ${entry('note', note ?? html`<span class="none">none</span>`)}
      </dl>
      <form method="post" action="/note" class="inline">
        <input name="note" maxlength="200" required placeholder="Put a note into the session" aria-label="Note" autocomplete="off">
        <button>Save</button>
      </form>
    </section>`
}

function tokenEntries({ accessToken, idToken, refreshToken }: Tokens): Html[] {
  const all = { 'access token': accessToken, 'id token': idToken, 'refresh token': refreshToken }
  return Object.entries(all).flatMap(([name, token]) => (token === undefined ? [] : [entry(name, masked(token))]))
}

function tableSide(tableName: string, row: SessionRow): Html {
  return html`
    <section class="card sealed">
      <h2>What the table holds <code>${tableName}</code></h2>
      <dl>
        ${entry('sessionId', html`<code>${row.sessionId}</code>`, 'SHA-256 of the id: a stolen table opens no session')}
        ${entry('record', html`<code>${preview(row.record)}</code>`, `${row.record.length} bytes, sealed`)}
        ${entry('expiresAt', html`<code>${row.expiresAt}</code>`, countdown(row.expiresAt))}
        ${entry('ttl', html`<code>${row.ttl}</code>`, html`DynamoDB deletes the row after ${moment(row.ttl * 1000)}`)}
        ${entry('version', html`<code>${row.version}</code>`, 'of the record format')}
        ${entry('revision', html`<code>${row.revision}</code>`, 'grows with every change')}
        ${entry('kid', html`<code>${row.kid}</code>`, 'which key sealed it')}
        ${entry('userTag', html`<code>${row.userTag}</code>`, 'keyed hash of the user: finds all of their sessions')}
      </dl>
    </section>`
}

function entry(name: string, value: Html | string | undefined, remark?: Html | string): Html {
  return html`<div><dt>${name}</dt><dd>${value}${remark !== undefined && html`<small>${remark}</small>`}</dd></div>`
}

/** Enough to tell two tokens apart, too little to use one. */
function masked(secret: string): Html {
  return html`<code class="masked">•••••••• ${secret.slice(-4)}</code><small>${secret.length} characters</small>`
}

function preview(record: Uint8Array): string {
  return `${Buffer.from(record.subarray(0, 18)).toString('hex')}…`
}

function countdown(milliseconds: number): Html {
  const hours = Math.max(0, Math.round((milliseconds - Date.now()) / 3_600_000))
  return html`ends in <time data-until="${milliseconds}">${hours} hours</time>`
}
