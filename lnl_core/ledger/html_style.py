"""The stylesheet of the results page: light and dark, wide and narrow, colour-blind-safe."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --line: light-dark(#d5d5d5, #444); --soft: light-dark(#f4f4f2, #222);
  --page: light-dark(#fff, #161616);
  --match: light-dark(#0a5c91, #6bbcf0); --close: light-dark(#7a5500, #e8b64c);
  --differs: light-dark(#a83c00, #ff9a5c); --quiet: light-dark(#666, #999); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1rem;
  background: var(--page); }
h1 { line-height: 1.2; margin: .2rem 0 .6rem; } h2 { margin: 2.2rem 0 .4rem; }
h3 { margin: 1.4rem 0 .3rem; font-size: 1.05rem; }
.box { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { border-top: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; white-space: nowrap; }
thead th { border-top: 0; font-weight: 600; white-space: normal; vertical-align: bottom; }
tbody th { position: sticky; left: 0; background: var(--page); font-weight: 500;
  white-space: normal; min-width: 6.5rem; max-width: 18rem; }
.claims tbody th { min-width: 14rem; max-width: 40rem; position: static; }
a { color: var(--match); } ul { padding-left: 1.2rem; } li { margin: .3rem 0; }
small { color: var(--quiet); }
.chip, .v { white-space: nowrap; }
.chip { display: inline-block; border: 1px solid currentColor; border-radius: 1rem;
  padding: 0 .55rem; font-size: .85rem; margin: .1rem 0; }
.match, .holds { color: var(--match); } .close { color: var(--close); }
.differs, .does-not-hold { color: var(--differs); font-weight: 600; }
.not-run, .not-built, .not-enough-runs, .not-printed { color: var(--quiet); }
.bar { display: flex; height: .7rem; border-radius: .35rem; overflow: hidden; margin: .5rem 0; }
.bar i { background: currentColor; min-width: 2px; }
.bar .not-run, .bar .not-built { opacity: .35; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: 0 .7rem; }
details details { background: var(--soft); } details details tbody th { background: var(--soft); }
summary { cursor: pointer; padding: .45rem 0; } summary b { margin-right: .4rem; }
label { display: inline-block; margin: .4rem 0; }
body:has(#ran:checked) .idle { display: none; }
@media (max-width: 32rem) {
  body { padding: .7rem; } h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; }
  table { font-size: .8rem; } th, td { padding: .25rem .2rem; } details { padding: 0 .4rem; }
  tbody th { min-width: 5rem; max-width: 7.5rem; } .claims tbody th { min-width: 12rem; } }
@media print { details { break-inside: avoid; } label { display: none; } }
"""
