/** Colours, type and controls that the app's page and the provider's form share. */
export const THEME = `
:root {
  color-scheme: light dark;
  --ground: #f6f3ee; --card: #fffdfa; --ink: #211c18; --soft: #6b6259; --line: #e4dcd1; --sunk: #f1ece4;
  --wax: #a4262c; --wax-ink: #fff; --good: #2c6e3f; --warn: #8a5a00;
  --header: #78716c; --key: #1d6fb8; --salt: #7a4fc0; --commitment: #0f7d76; --data: #b3541e; --tag: #b0286f;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16130f; --card: #1f1b17; --ink: #f0e9e0; --soft: #a89c8f; --line: #38312a; --sunk: #191511;
    --wax: #d8515a; --wax-ink: #1a0c0c; --good: #7cc792; --warn: #e0b25c;
    --header: #a8a29e; --key: #6db1ee; --salt: #b592f0; --commitment: #4fc4ba; --data: #ee965c; --tag: #ee79b0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 var(--sans); -webkit-text-size-adjust: 100%; }
h1, h2, h3, p, dl, dd, ol, figure { margin: 0; padding: 0; }
h1 { font-size: clamp(1.55rem, 1.1rem + 2.2vw, 2.6rem); line-height: 1.12; letter-spacing: -.025em; text-wrap: balance; }
a { color: var(--wax); }
code, .mono { font-family: var(--mono); font-size: .875em; }
button, .button {
  font: 600 .95rem/1 var(--sans); padding: .8rem 1.15rem; border-radius: .6rem; border: 1px solid var(--line);
  background: var(--card); color: var(--ink); cursor: pointer; text-decoration: none; display: inline-block;
}
button:hover, .button:hover { border-color: var(--soft); }
.primary { background: var(--wax); border-color: var(--wax); color: var(--wax-ink); }
.primary:hover { filter: brightness(1.08); border-color: var(--wax); }
input {
  font: 1rem/1.2 var(--sans); width: 100%; padding: .7rem .8rem; border-radius: .6rem;
  border: 1px solid var(--line); background: var(--card); color: var(--ink);
}
:focus-visible { outline: 2px solid var(--wax); outline-offset: 2px; }
`
