"""The style sheet of the report, for light and dark screens and for paper."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#16202b;--soft:#5b6875;--line:#dde3e9;--paper:#fff;--ground:#f4f6f8;
--listed:#58a6d6;--block:#12507f;--price:#b4541a;--good:#1b7a43;--bad:#c02626;--band:#efe3d8}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa8b5;--line:#2b3743;--paper:#141c24;
--ground:#0d1319;--listed:#7cc4ee;--block:#3d86bf;--price:#f0a06a;--good:#5ccb8b;--bad:#ff7b72;--band:#2e2620}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 20px 60px}
header{padding:8px 4px}h1{font-size:34px;margin:0 0 8px;letter-spacing:-.01em}
.kicker{margin:0;color:var(--soft);font-weight:600}header p{max-width:820px;margin:0 0 10px}
h2{font-size:20px;margin:0 0 4px}h3{font-size:14px;margin:16px 0 4px;font-weight:600}
h3 em{font-weight:400;color:var(--soft);font-style:normal}
section{background:var(--paper);border:1px solid var(--line);border-radius:8px;
padding:18px 20px;margin:14px 0}
section p{margin:0 0 10px;color:var(--soft);max-width:860px}
section section{border:0;padding:0;margin:0}
.verdict{display:inline-block;font-weight:650;font-size:17px;padding:6px 14px;border-radius:6px;
border:1.5px solid currentColor}.good{color:var(--good)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:18px}
.tiles b{display:block;font-size:25px;line-height:1.2;font-variant-numeric:tabular-nums;white-space:nowrap}
.tiles span{display:block;font-weight:600}.tiles small{display:block;color:var(--soft)}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr));gap:14px 34px}
figure{margin:0}svg{width:100%;height:auto;display:block;font-family:inherit}
.listed{fill:var(--listed)}.block{fill:var(--block)}.soft{opacity:.62}.whole{fill:var(--ground)}
.hit{fill:transparent}.hit:hover{fill:var(--ink);opacity:.07}
.grid{stroke:var(--line);stroke-width:1}.month{stroke:var(--soft)}
text{fill:var(--ink);font-size:12px}.axis{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}
.note{font-size:12px;font-weight:600}.name{font-weight:650;font-size:13px}
.value{font-weight:650;font-size:12px;fill:var(--price)}.label{font-size:12px}
.bracket{fill:none;stroke:var(--soft)}.across{stroke:var(--ink);stroke-dasharray:3 3}
.line{fill:none;stroke:var(--price);stroke-width:1.8;stroke-linejoin:round}
.range{stroke:var(--price);opacity:.35;stroke-width:2}.band{fill:var(--band)}
.mark{fill:var(--paper);stroke:var(--price);stroke-width:2}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin:0 2px 0 10px}
.key.listed{background:var(--listed)}.key.block{background:var(--block)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:3px 10px 3px 0;border-bottom:1px solid var(--line);text-align:left;font-size:13px}
th{color:var(--soft);font-weight:600}
.numbers td:nth-child(n+2):nth-child(-n+6),.numbers th:nth-child(n+2):nth-child(-n+6){text-align:right}
.figures td:nth-child(3),.figures td:nth-child(4),.figures th:nth-child(3),.figures th:nth-child(4)
{text-align:right}.figures td:first-child{color:var(--good)}
.figures tr.bad td{color:var(--bad);font-weight:650}
details{margin:8px 0}summary{cursor:pointer;font-weight:600}li{margin:3px 0}
code{font-size:12px;background:var(--ground);padding:1px 5px;border-radius:4px}li span{color:var(--soft)}
"""
