// SPDX-License-Identifier: Apache-2.0
/// The look of a report's page.
///
/// What scrolls sideways has a shadow at its right edge; a cover that moves with the content hides it at the end, and where
/// all fits.
enum ReportStyle {
  static let css = """
    :root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b222c;--muted:#59636f;--rule:#e2e6eb;--strong:#c9d0d8;\
    --accent:#0a62ad;--good:#00785c;--bad:#b3264a;--warn:#946500;--best:#e6f4ef;--code:#f1f3f6}
    @media screen and (prefers-color-scheme:dark){:root{--page:#0e1217;--card:#161b22;--ink:#e8ebef;--muted:#a3acb8;\
    --rule:#2b323c;--strong:#465160;--accent:#62b5f7;--good:#35c9a1;--bad:#ff7f9c;--warn:#e5b646;--best:#12352c;--code:#1d242d}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
    body{margin:0;background:var(--page);color:var(--ink);\
    font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
    main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}
    header h1{font-size:30px;line-height:1.2;letter-spacing:-.01em;margin:0;text-wrap:balance}
    header p{margin:8px 0 0;color:var(--muted);font-size:17px;max-width:70ch}
    h2{font-size:20px;line-height:1.3;margin:44px 0 12px;scroll-margin-top:16px}
    p,ul{max-width:78ch;margin:10px 0}
    ul{padding-left:1.3em}
    li{margin:4px 0}
    nav{display:flex;flex-wrap:wrap;gap:6px 18px;margin:20px 0 0;padding:10px 0;border-block:1px solid var(--rule);font-size:14px}
    nav a{color:var(--accent);text-decoration:none}
    nav a:hover{text-decoration:underline}
    .verdict{display:flex;gap:12px;align-items:flex-start;background:var(--card);border:1px solid var(--rule);\
    border-left:4px solid var(--tone);border-radius:8px;padding:10px 16px;margin:10px 0}
    header+.verdict{margin-top:26px}
    .verdict p{margin:0;max-width:none;overflow-wrap:anywhere}
    .verdict strong{margin-right:.3em}
    .verdict .sign{flex:none;width:24px;height:24px;border-radius:50%;border:1.5px solid var(--tone);color:var(--tone);\
    font-weight:700;font-size:14px;line-height:21px;text-align:center}
    .good{--tone:var(--good)}.bad{--tone:var(--bad)}.open{--tone:var(--muted)}.warn{--tone:var(--warn)}
    .table{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 0;width:fit-content;max-width:100%}
    .table figcaption{color:var(--ink);font-weight:650;font-size:15px;margin:0;padding:0 18px 4px}
    .scroll,pre{overflow-x:auto;background:linear-gradient(to left,var(--ground) 35%,transparent) right/56px 100% no-repeat local,\
    linear-gradient(to left,color-mix(in srgb,var(--ink) 34%,transparent),transparent) right/18px 100% no-repeat scroll,var(--ground)}
    .scroll{--ground:var(--card)}
    .scroll:focus-visible,pre:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
    table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
    th,td{padding:5px 10px;text-align:left;white-space:nowrap;vertical-align:baseline}
    tr>:first-child{padding-left:18px;position:sticky;left:0;background:var(--card)}
    tr>:last-child{padding-right:18px}
    td.text,th.text{white-space:normal;overflow-wrap:break-word;min-width:min(22ch,40vw);max-width:60ch}\
    th.text{min-width:min(16ch,34vw)}
    thead th{color:var(--muted);font-weight:600;border-bottom:1px solid var(--strong);white-space:normal;vertical-align:bottom}
    thead .group{color:var(--ink);text-align:center;border-bottom:1px solid var(--rule)}
    thead tr.groups th{padding-bottom:3px;border-bottom-color:transparent}
    thead tr.groups th.group{background:linear-gradient(var(--rule),var(--rule)) bottom/calc(100% - 16px) 1px no-repeat}
    tbody tr+tr>*{border-top:1px solid var(--rule)}
    tbody tr:hover>*{background-color:color-mix(in srgb,var(--accent) 6%,var(--card))}
    .right{text-align:right}.center{text-align:center}
    .first{padding-left:22px}
    .side{color:var(--muted);font-size:12.5px}.side.interval{display:block;margin-left:0}
    td b{display:inline-block;font-weight:700;background:var(--best);border-radius:5px;padding:0 6px;margin:0 -6px}
    .missing{color:var(--muted)}
    .note{color:var(--muted);font-size:13px;margin:8px 18px 0;max-width:95ch}
    .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(440px,100%),1fr));gap:16px;margin:14px 0}
    figure{margin:14px 0}
    .figures figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px 10px;\
    max-width:760px}
    .figures .d2-chart{--d2-surface:var(--card)}
    figcaption{color:var(--muted);font-size:13px;margin:6px 0}
    .image img{max-width:100%;height:auto;border-radius:8px;border:1px solid var(--rule);image-rendering:auto}
    pre{--ground:var(--code);border:1px solid var(--rule);border-radius:8px;padding:12px 16px;margin:8px 0;\
    font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:2}
    dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(240px,100%),1fr));gap:0 28px;margin:14px 0;\
    background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:8px 18px}
    dl div{padding:7px 0;min-width:0}
    dt{color:var(--muted);font-size:13px}
    dd{margin:0;overflow-wrap:anywhere}
    details{margin:14px 0}
    summary{cursor:pointer;color:var(--accent);font-weight:600}
    footer{margin-top:44px;padding-top:14px;border-top:1px solid var(--rule);color:var(--muted);font-size:13px}
    .tokens{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 16px;white-space:pre-wrap;\
    overflow-wrap:anywhere;font:14px/2 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
    .tokens span{border-radius:4px;padding:2px 1px;box-shadow:inset 1px 0 0 var(--rule)}
    .tokens .read{color:var(--muted)}.tokens .learnt{background:var(--best)}
    .tokens .metric{color:#fff;font-weight:700;padding:2px 4px;margin:0 1px;background:#0a62ad}
    .tokens .metric-1{background:#8a3ffc}.tokens .metric-2{background:#946500}.tokens .metric-3{background:#00785c}
    .tokens .problem{color:#fff;background:var(--bad)}
    .tokens.legend{display:flex;flex-wrap:wrap;gap:6px 14px;max-width:none;line-height:1.6;white-space:normal}
    .tokens.legend span{padding:1px 8px}
    @media(max-width:600px){main{padding:24px 14px 40px}header h1{font-size:24px}header p{font-size:15px}h2{margin-top:34px}\
    .table figcaption{padding:0 12px 4px}.note{margin-inline:12px}tr>:first-child{padding-left:12px}.figures figure{padding:10px 8px 6px}.verdict{padding:10px 12px}}
    @media print{:root{--page:#fff}body{font-size:11pt}main{max-width:none;padding:0}nav{display:none}\
    figure,.verdict,dl,pre{break-inside:avoid}figcaption{break-after:avoid}h2{break-after:avoid}.scroll,pre{overflow:visible;background:var(--ground)}\
    table{font-size:9pt}th,td{padding:3px 6px}pre{white-space:pre-wrap}\
    *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
    """
}
