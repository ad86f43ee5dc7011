/** Style of the /docs page. No font, image or script comes from anywhere. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --paper: #fff; --tint: #f4f6f9; --link: #0b57c2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #323b48; --paper: #12161c; --tint: #1b212a; --link: #7fb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 6rem; }
a { color: var(--link); }
h1 { margin: 0 0 .25rem; font-size: 1.8rem; }
h2 { margin: 3rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); font-size: 1.25rem; }
p.soft, td.soft, .soft { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
details { margin: .4rem 0; border: 1px solid var(--line); border-radius: .4rem; }
details[open] { background: var(--tint); }
summary { display: flex; flex-wrap: wrap; gap: .25rem .75rem; padding: .5rem .75rem; cursor: pointer; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.body { padding: 0 .75rem .75rem; }
.verb { min-width: 4rem; font-weight: 600; font-family: ui-monospace, monospace; }
code, pre { font: .875em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { margin: .25rem 0; padding: .6rem; overflow-x: auto; border: 1px solid var(--line); border-radius: .3rem; background: var(--paper); }
h4 { margin: .75rem 0 .25rem; font-size: .9rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .5rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
`.trimStart();
