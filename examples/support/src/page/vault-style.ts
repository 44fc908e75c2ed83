/** What the page of the vault has beside the other pages. */
export const VAULT_STYLE = `
.tabs { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .4rem; }
.tabs button { padding: .55rem .9rem; font-size: .9rem; }
.tabs button[aria-current] { border-color: var(--wax); color: var(--wax); }
.notice { padding: .9rem 1.1rem; border-radius: .8rem; border: 1px solid var(--line); border-left: .35rem solid var(--warn); background: var(--card); overflow-wrap: anywhere; }
.notice[data-good=true] { border-left-color: var(--good); }
.status { font: 600 .74rem/1 var(--mono); padding: .32rem .5rem; border-radius: .4rem; background: var(--sunk); color: var(--warn); white-space: nowrap; }
.status[data-status=ACTIVE] { color: var(--good); } .status[data-status=REVOKED] { color: var(--soft); }
.status[data-status=REAUTH_REQUIRED], .status[data-status=LOST_ROTATION], .status[data-status=CONFIG_ERROR] { color: var(--wax); }
.grants { list-style: none; padding: 0; margin: 0; }
.grants li { padding: 1.1rem 0; border-top: 1px solid var(--line); display: grid; gap: .8rem; }
.grants li:first-child { border-top: 0; padding-top: 0; }
.who { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: center; }
.who b { text-transform: capitalize; }
.facts { grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .7rem 1.2rem; }
.facts > div { display: block; padding: 0; border: 0; }
.facts dt { font-size: .8rem; } .facts dd { font-size: .93rem; font-variant-numeric: tabular-nums; }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; }
.actions button { padding: .5rem .8rem; font-size: .86rem; }
button:disabled { opacity: .5; cursor: default; }
.connect { margin-top: 1.1rem; }
`
