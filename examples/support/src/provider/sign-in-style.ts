import { THEME } from '../page/theme.ts'

export const SIGN_IN_STYLE = `${THEME}
body { min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1.25rem; }
main {
  width: min(26rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  padding: clamp(1.4rem, 5vw, 2.2rem); display: grid; gap: 1.1rem;
}
h1 { font-size: 1.7rem; }
main > p { color: var(--soft); font-size: .95rem; }
form { display: grid; gap: .6rem; }
label { font-size: .88rem; font-weight: 600; }
.problem { color: var(--wax); font-size: .9rem; }
.accounts { border-top: 1px solid var(--line); padding-top: 1.1rem; }
.accounts button { display: flex; align-items: center; gap: .7rem; font-weight: 500; text-align: left; padding: .55rem .7rem; }
.initial {
  width: 1.9rem; height: 1.9rem; border-radius: 50%; background: var(--sunk); color: var(--soft);
  display: grid; place-items: center; font-weight: 700; font-size: .85rem;
}
.quiet { border-color: transparent; background: none; color: var(--soft); font-weight: 500; padding: .3rem; }
`
