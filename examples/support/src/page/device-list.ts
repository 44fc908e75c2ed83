import { type Html, html } from '../html.ts'
import { moment } from './moment.ts'

/** A session of the user who looks at the page, as the store lists it. */
export interface Device {
  /** SHA-256 of the session's id: enough to end it, useless as an id. */
  readonly key: string
  readonly label?: string | undefined
  readonly createdAt: Date
  readonly lastSeenAt: Date
}

/** Where the user is signed in, each with a way out; `current` is the key of the session that asks. */
export function deviceList(devices: readonly Device[], current: string): Html {
  const others = devices.length - 1
  return html`
    <section class="card">
      <h2>Where you are signed in</h2>
      <p class="note">Found by a keyed hash of your e-mail address: the table does not say whose sessions they are.</p>
      <ul class="devices">${devices.map((device) => deviceEntry(device, device.key === current))}</ul>
      ${
        others > 0 &&
        html`<form method="post" action="/sessions/end-others"><button>Sign out everywhere else</button></form>`
      }
    </section>`
}

function deviceEntry({ key, label, createdAt, lastSeenAt }: Device, isCurrent: boolean): Html {
  return html`
    <li>
      <span><b>${label ?? 'Unknown device'}</b>
        <small>signed in ${moment(createdAt.getTime())}, last seen ${moment(lastSeenAt.getTime())}</small></span>
      ${
        isCurrent
          ? html`<span class="none">this one</span>`
          : html`<form method="post" action="/sessions/end">
              <input type="hidden" name="key" value="${key}"><button>End</button>
            </form>`
      }
    </li>`
}
