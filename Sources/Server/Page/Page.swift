// SPDX-License-Identifier: Apache-2.0
/// The page at `/`: self-contained, so that it works where nothing else can be reached.
///
/// `?prompt=…&response=…` fills the boxes and scores at once, so that a rating can be linked to.
enum Page {
  /// Nothing from elsewhere, and nowhere to send what is typed but this server.
  static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  /// The whole page.
  static let text = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>dist2 reward model</title>
    <link rel="icon" href="data:,">
    <style>
    \(style)
    </style>
    </head>
    <body>
    \(body)
    <script>
    \(PageScript.text)
    </script>
    </body>
    </html>

    """

  private static let body = """
    <header>
      <h1>dist2 <span>reward model</span></h1>
      <p id="model">&nbsp;</p>
    </header>
    <main>
      <form id="form" class="card">
        <label for="prompt">Prompt</label>
        <textarea id="prompt" rows="5" placeholder="Prompt"></textarea>
        <label for="response">Response</label>
        <textarea id="response" rows="9" placeholder="Response"></textarea>
        <div class="row">
          <button id="button">Score</button>
          <small>or Ctrl + Enter</small>
        </div>
        <p id="error" role="alert" hidden></p>
      </form>
      <section id="result" class="card" aria-live="polite">
        <p id="empty">The score appears here, with what the model believes of it.</p>
        <div id="scores" hidden>
          <div class="headline">
            <output id="score"></output>
            <div>
              <div id="range"></div>
              <div id="spread"></div>
            </div>
          </div>
          <h2>Overall distribution</h2>
          <div id="distribution" role="img" aria-label="Probability of each overall score"></div>
          <div id="attributesBlock">
            <h2>Attributes</h2>
            <div id="attributes"></div>
          </div>
          <p id="notes"></p>
        </div>
      </section>
    </main>
    <footer>
      <a href="openapi.json">OpenAPI</a><a href="metrics">Metrics</a><a href="health">Health</a>
    </footer>
    """

  private static let style = """
    :root {
      --page: #f5f6f8; --card: #fff; --ink: #171a1f; --soft: #5d6673; --line: #dfe3e8;
      --accent: #2f6fde; --track: #e9edf3; --bad: #b3261e; --on: #fff;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #111418; --card: #1a1e24; --ink: #e8ebef; --soft: #98a2b0; --line: #2c333c;
        --accent: #6ea0ff; --track: #272e37; --bad: #ff8a80; --on: #0c1220;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; padding: 2rem 1.25rem; max-width: 74rem; background: var(--page); color: var(--ink);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; }
    h1 { margin: 0; font-size: 1.4rem; } h1 span { color: var(--soft); font-weight: 400; }
    h2 { margin: 1.6rem 0 .6rem; font-size: .8rem; letter-spacing: .05em; text-transform: uppercase; color: var(--soft); }
    #model { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
    main { display: grid; grid-template-columns: 1fr 1fr; gap: 1.25rem; margin: 1.25rem 0; align-items: start; }
    @media (max-width: 52rem) { main { grid-template-columns: 1fr; } }
    .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; min-width: 0; }
    label { display: block; font-weight: 600; margin: 0 0 .35rem; }
    textarea {
      width: 100%; margin: 0 0 1rem; padding: .65rem .75rem; resize: vertical; font: inherit; color: inherit;
      background: var(--page); border: 1px solid var(--line); border-radius: 8px;
    }
    textarea:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    .row { display: flex; align-items: center; gap: .8rem; } small, footer, #empty, #notes { color: var(--soft); }
    button {
      font: inherit; font-weight: 600; padding: .55rem 1.6rem; border: 0; border-radius: 8px; cursor: pointer;
      background: var(--accent); color: var(--on);
    }
    button:disabled { opacity: .55; cursor: wait; }
    #error { margin: 1rem 0 0; color: var(--bad); overflow-wrap: anywhere; }
    #empty { margin: 4rem 1rem; text-align: center; }
    .headline { display: flex; align-items: center; gap: 1rem; color: var(--soft); }
    #score { font-size: 3.4rem; line-height: 1; font-weight: 700; color: var(--ink); font-variant-numeric: tabular-nums; }
    #distribution { display: flex; align-items: flex-end; gap: 2px; height: 9rem; }
    .bin { flex: 1; min-width: 0; height: 100%; display: flex; flex-direction: column; justify-content: flex-end; }
    .bin i { display: block; background: var(--accent); border-radius: 3px 3px 0 0; }
    .bin b {
      height: 1.4rem; display: flex; justify-content: center; font-weight: 400; font-size: .75rem; line-height: 1.7;
      color: var(--soft); font-variant-numeric: tabular-nums; border-top: 1px solid var(--line);
    }
    @media (max-width: 30rem) { .bin:not(:nth-child(5n + 1)) b { font-size: 0; } }
    .attribute { display: grid; grid-template-columns: 8.5rem 1fr 6.5rem; align-items: center; gap: .75rem; margin: .5rem 0; }
    .attribute .track { height: .7rem; border-radius: 99px; background: var(--track); overflow: hidden; }
    .attribute .track i { display: block; height: 100%; border-radius: 99px; background: var(--accent); }
    .attribute output { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .attribute output small { font-size: .8rem; }
    #notes { margin: 1.2rem 0 0; font-size: .9rem; }
    footer { display: flex; gap: 1.25rem; font-size: .9rem; } footer a { color: inherit; }
    @media (max-width: 30rem) { .attribute { grid-template-columns: 1fr 5.5rem; } .attribute .track { grid-row: 2; grid-column: 1 / 3; } }
    """
}
