export const STYLE = `
:root {
  --ink: #22302a; --muted: #66736c; --line: #dfe3df; --edge: #7d8a83; --paper: #f6f5f1; --card: #fff;
  --accent: #1f6f54; --accent-dark: #175641; --danger: #a8323e;
  color-scheme: light;
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere;
}
a { color: var(--accent); }
h1 { margin: 0 0 1rem; font-size: 1.6rem; line-height: 1.2; }
h2 { margin: 0; font-size: 1.05rem; }
p { margin: 0 0 1rem; }

header { background: var(--card); border-bottom: 1px solid var(--line); }
nav, main, footer { width: 100%; max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem; padding-block: .9rem; }
nav a { text-decoration: none; color: var(--ink); }
nav a:hover { color: var(--accent); }
.brand { margin-right: auto; font-weight: 700; font-size: 1.15rem; color: var(--accent); }
main { flex: 1; padding-block: 2rem; }
footer { padding-block: 1.25rem; color: var(--muted); font-size: .85rem; }

.panel { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; }
.narrow { max-width: 26rem; margin: 0 auto; }
.muted { color: var(--muted); font-size: .92rem; }
.badge, .tag { border-radius: 99px; padding: .1rem .55rem; font-size: .78rem; font-weight: 600; }
.badge { background: var(--accent); color: #fff; }
.tag { background: #e3efe9; color: var(--accent-dark); white-space: nowrap; }
code { background: var(--paper); border: 1px solid var(--line); border-radius: 5px; padding: 0 .35rem; }

button, .button {
  display: inline-block; border: 1px solid var(--accent); border-radius: 8px; padding: .45rem .9rem; cursor: pointer;
  font: inherit; font-size: .95rem; text-decoration: none; white-space: nowrap; background: var(--accent); color: #fff;
}
button:hover, .button:hover { background: var(--accent-dark); }
button.quiet { background: var(--card); border-color: var(--edge); color: var(--ink); }
button.quiet:hover { border-color: var(--accent); }
button.danger { background: var(--card); border-color: var(--danger); color: var(--danger); }
button.danger:hover { background: var(--danger); color: #fff; }
button.link { border: 0; padding: 0; background: none; color: var(--accent); }
button.link:hover { text-decoration: underline; }
nav button.link { color: var(--ink); font-size: 1rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

input { border: 1px solid var(--edge); border-radius: 8px; padding: .45rem .6rem; font: inherit; }
.stack { display: grid; gap: 1rem; }
.stack label { display: grid; gap: .3rem; }
.stack label.check { display: flex; align-items: center; gap: .5rem; }
.hint { margin-top: 1.5rem; border-top: 1px solid var(--line); padding-top: 1rem; font-size: .92rem; }
.hint p { margin: 0; }
.hint ul { margin: .4rem 0 0; padding-left: 1.2rem; }

.flash { border-radius: 8px; border: 1px solid; border-left-width: 5px; padding: .6rem 1rem; }
.success { background: #e8f4ec; border-color: #3f9a68; }
.info { background: #e8f0f8; border-color: #4b84b8; }
.warning { background: #fdf3dc; border-color: #cf9a1f; }
.error { background: #fbe8e9; border-color: #bb4650; }
.flash + h1, .flash + section { margin-top: 1.5rem; }

.products, .devices { display: grid; gap: 1.25rem; margin: 0 0 1.5rem; padding: 0; list-style: none; }
.products { grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); }
.product { display: flex; flex-direction: column; padding: 0; overflow: hidden; }
.product svg { display: block; width: 100%; height: 9.5rem; overflow: visible; }
.product h2, .product p, .product form { position: relative; background: var(--card); }
.product h2 { padding: 1rem 1.25rem .2rem; }
.product p { flex: 1; margin: 0; padding: 0 1.25rem; }
.product form { display: flex; align-items: center; justify-content: space-between; padding: 1rem 1.25rem 1.25rem; }

table.panel { width: 100%; border-spacing: 0; padding: .5rem 1.5rem; }
th, td { padding: .8rem .5rem; border-bottom: 1px solid var(--line); text-align: left; }
tfoot th, tfoot td { border-bottom: 0; }
thead th { color: var(--muted); font-size: .85rem; font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td form { display: inline-flex; gap: .5rem; }
td input { width: 4.5rem; }

.devices { gap: .75rem; }
.device { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: 1rem 1.25rem; }
.device p { margin: .2rem 0 0; }
dl { margin: 0 0 1.25rem; }
dt { color: var(--muted); font-size: .85rem; }
dd { margin: 0 0 .8rem; }

@media (max-width: 36rem) {
  .device { flex-direction: column; align-items: flex-start; }
  .cart, .cart thead, .cart tbody, .cart tfoot { display: block; }
  table.cart { padding: .25rem .75rem; }
  /* A line of the cart in two rows: product and price, quantity and "Remove". The headings are for screen readers. */
  .cart tr {
    display: grid; grid-template-columns: minmax(0, 1fr) auto; align-items: center; gap: .5rem;
    border-bottom: 1px solid var(--line); padding: .75rem 0;
  }
  .cart thead tr { position: absolute; width: 1px; height: 1px; padding: 0; overflow: hidden; clip-path: inset(50%); }
  .cart tfoot tr { border-bottom: 0; }
  .cart :is(th, td) { border: 0; padding: 0; }
  .cart form { flex-wrap: wrap; }
  .cart input { width: 4rem; }
  .cart td:nth-child(2):not(.number) { grid-row: 2; }
  .cart td:empty { display: none; }
}
`;
