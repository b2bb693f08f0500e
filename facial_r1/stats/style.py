"""The look of every page: light and dark by the reader's choice, from a telephone to a wide screen, and on paper."""

from __future__ import annotations

__all__ = ["CSS"]

CSS = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2126;--soft:#56606b;--rule:#d5d9de;--wash:#f4f6f8;
--accent:#1f5f8b;--warm:#b4531a;--green:#1a7f5a;--violet:#7a4fa3;--ochre:#8a6d00;--grey:#5c6773;
--shade:#1a5680;--warm-shade:#8f3d0c;--on-pale:#000;--on-strong:#fff}
@media (prefers-color-scheme:dark){:root{--paper:#15191d;--ink:#e6e9ec;--soft:#a3adb8;--rule:#39424b;--wash:#1e242a;
--accent:#7db8e3;--warm:#e79a63;--green:#6cc7a1;--violet:#bd9be0;--ochre:#d3b64b;--grey:#9aa6b2;
--shade:#4a94c9;--warm-shade:#d07836;--on-pale:#fff;--on-strong:#000}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,nav,footer{max-width:1160px;margin:0 auto;padding:0 16px}
h1{font-size:1.7rem;line-height:1.2;margin:1.6rem 0 .5rem}
h2{font-size:1.2rem;margin:2.6rem 0 .3rem;padding-top:.8rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.2rem 0 .2rem;flex-basis:100%}
p{margin:.3rem 0;max-width:72ch}
a{color:var(--accent)}
.lead,.note{color:var(--soft)}
.skip{position:absolute;left:-999px}
.skip:focus{left:16px;top:8px;background:var(--paper);padding:4px 8px}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.8rem 0 0;padding:0;font-size:.92rem}
.body{display:flex;flex-wrap:wrap;gap:1rem 2rem;align-items:flex-start}
.body>*{flex:0 1 100%;min-width:0;margin-top:.5rem;margin-bottom:0}
.body>.chart{flex:1 1 var(--basis);max-width:calc(var(--basis)*1.45)}
.body>.scroll{flex:0 1 auto;max-width:100%}
figure{margin:0}
figcaption,caption{font-weight:600;text-align:left;font-size:.92rem;padding-bottom:.35rem}
.chart svg{display:block;width:100%;height:auto;font-family:inherit;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.22rem .7rem .22rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:400}
.number{text-align:right;white-space:nowrap}
details{margin-top:.3rem;font-size:.88rem}
summary{color:var(--soft);cursor:pointer;width:fit-content}
details>.scroll{margin-top:.3rem}
details caption{display:none}
img{border-radius:3px;display:block}
.no-picture{display:inline-block;color:var(--soft);font-size:.8rem;max-width:112px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0}
.example{display:flex;gap:.9rem;padding:.7rem 0;border-bottom:1px solid var(--rule);font-size:.92rem}
.example>img,.example>.no-picture{flex:0 0 auto}
.example>div{min-width:0;max-width:78ch}
.example .note{font-size:.85rem;overflow-wrap:anywhere}
.ruling{color:var(--warm);overflow-wrap:anywhere}
.body>details{margin-top:-.4rem}
@media (max-width:520px){.example{flex-direction:column;gap:.4rem}}
.body>details>summary{font-weight:600;color:var(--ink);padding:.2rem 0}
code{font-size:.92em;overflow-wrap:anywhere}
footer{margin-top:3rem;padding-bottom:2rem;color:var(--soft);font-size:.85rem}
@media print{:root{--paper:#fff;--ink:#000;--soft:#333;--rule:#bbb;--accent:#1f5f8b;--warm:#b4531a;
--shade:#1a5680;--warm-shade:#8f3d0c;--on-pale:#000;--on-strong:#fff}
nav,.skip,figure details{display:none}
figure,tr,.pair{break-inside:avoid}
h2{break-after:avoid}}
"""
