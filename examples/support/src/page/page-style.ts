import { THEME } from './theme.ts'
import { VAULT_STYLE } from './vault-style.ts'

export const PAGE_STYLE = `${THEME}
.bar {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem;
  padding: .7rem max(1.1rem, calc(50vw - 36rem)); background: color-mix(in srgb, var(--ground) 88%, transparent);
  backdrop-filter: blur(10px); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: .55rem; font-weight: 700; letter-spacing: -.01em; color: inherit; text-decoration: none; }
.brand svg { width: 1.7rem; height: 1.7rem; }
.brand circle { fill: var(--wax); }
.brand path { fill: none; stroke: var(--wax-ink); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; }
.stack { color: var(--soft); font-size: .9rem; margin-right: auto; }
.bar button { padding: .55rem .9rem; font-size: .88rem; }
.live { display: inline-flex; align-items: center; gap: .45rem; font-size: .85rem; color: var(--soft); }
.live::before { content: ""; width: .55rem; height: .55rem; border-radius: 50%; background: var(--good); }
.live[data-state=stopped] { color: var(--warn); } .live[data-state=stopped]::before { background: var(--warn); animation: pulse 1s infinite alternate; }
.live[data-state=restarted] { color: var(--good); font-weight: 600; }
@keyframes pulse { to { opacity: .25; } }
main { width: min(72rem, 100% - 2.2rem); margin: 0 auto; padding: clamp(1.6rem, 5vw, 3.4rem) 0 4rem; display: grid; gap: 1.2rem; }
main > * { min-width: 0; }
.hero { display: grid; gap: .7rem; margin-bottom: .6rem; }
.hero h1 { overflow-wrap: anywhere; }
.eyebrow { color: var(--wax); font-weight: 600; font-size: .9rem; margin-bottom: -.4rem; }
.lead { color: var(--soft); font-size: 1.08rem; max-width: 36rem; text-wrap: pretty; }
.hero .button { margin-top: .7rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: clamp(1.1rem, 3vw, 1.7rem); min-width: 0; }
.card h2 { font-size: 1.12rem; letter-spacing: -.01em; margin-bottom: 1rem; display: flex; flex-wrap: wrap; gap: .2rem .6rem; align-items: baseline; }
.card h2 code { color: var(--soft); font-weight: 400; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem; }
.sealed { background: var(--sunk); }
dl { display: grid; }
dl > div { display: grid; grid-template-columns: 7.2rem 1fr; gap: .2rem 1rem; padding: .55rem 0; border-top: 1px solid var(--line); }
dl > div:first-child { border-top: 0; padding-top: 0; }
dt { color: var(--soft); font-size: .9rem; }
.sealed dt { font-family: var(--mono); font-size: .82rem; line-height: 1.9; }
dd { min-width: 0; overflow-wrap: anywhere; }
dd small { display: block; color: var(--soft); font-size: .82rem; }
.masked { letter-spacing: .04em; }
.none { color: var(--soft); }
.inline { display: flex; gap: .6rem; margin-top: 1rem; }
.inline input { min-width: 0; }
.devices { display: grid; list-style: none; padding: 0; }
.devices li { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; justify-content: space-between; padding: .6rem 0; border-top: 1px solid var(--line); }
.devices b { font-weight: 600; } .devices small { display: block; color: var(--soft); font-size: .82rem; }
.devices button { padding: .4rem .8rem; font-size: .88rem; }
.devices + form { margin-top: .8rem; }
.note { color: var(--soft); font-size: .93rem; margin: -.6rem 0 1.1rem; }
.header { --kind: var(--header); } .key { --kind: var(--key); } .salt { --kind: var(--salt); }
.commitment { --kind: var(--commitment); } .data { --kind: var(--data); } .tag { --kind: var(--tag); }
.strip { display: block; width: 100%; height: 1.5rem; border-radius: .45rem; margin-bottom: 1.2rem; }
.strip rect { fill: var(--kind); stroke: var(--card); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.field { display: grid; grid-template-columns: 10.5rem 8.4rem minmax(0, 1fr) minmax(0, 1fr); gap: .2rem 1.1rem; padding: .6rem 0; border-top: 1px solid var(--line); align-items: baseline; }
.field.head { border: 0; padding-top: 0; font-size: .8rem; color: var(--soft); }
.name { font-weight: 600; font-size: .93rem; }
.name::before { content: ""; display: inline-block; width: .62rem; height: .62rem; border-radius: .18rem; margin-right: .55rem; background: var(--kind); }
.name i { display: block; font: 400 .8rem/1.4 var(--mono); color: var(--soft); padding-left: 1.17rem; }
.name i::before { content: "older: "; font-family: var(--sans); }
.span { font-size: .9rem; white-space: nowrap; } .span small { color: var(--soft); }
.value code { color: var(--kind); overflow-wrap: anywhere; }
.value em { font-style: normal; font-size: .9rem; overflow-wrap: anywhere; }
.meaning { color: var(--soft); font-size: .9rem; text-wrap: pretty; }
details { border-top: 1px solid var(--line); padding-top: .9rem; }
summary { cursor: pointer; font-weight: 600; font-size: .93rem; }
.bytes { font: .8rem/1.75 var(--mono); margin-top: .8rem; max-height: 24rem; overflow: auto; }
.bytes span { color: var(--kind); }
.steps ol { display: grid; gap: .8rem; padding-left: 1.3rem; color: var(--soft); max-width: 44rem; }
.steps b { color: var(--ink); font-weight: 600; }
.steps li::marker { color: var(--wax); font-weight: 700; }
@media (max-width: 60rem) { .sides { grid-template-columns: 1fr; } }
@media (max-width: 46rem) {
  .stack { order: 3; width: 100%; margin: 0; display: none; }
  .brand { margin-right: auto; }
  .live { order: 4; width: 100%; }
  .field { grid-template-columns: 1fr auto; }
  .field.head { display: none; }
  .value, .meaning { grid-column: 1 / -1; }
}
@media (max-width: 26rem) { dl > div { grid-template-columns: 5.4rem 1fr; gap: .2rem .8rem; } .card h2 code { width: 100%; } }
@media (prefers-reduced-motion: reduce) { .live::before { animation: none !important; } }
${VAULT_STYLE}`
