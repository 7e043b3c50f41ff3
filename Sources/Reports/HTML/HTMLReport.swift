// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// A page of results that needs nothing but itself: style and images are inside, no script, no network.
///
/// Everything given as `String` is text and appears as written; markup in it is escaped.
///
///     var report = HTMLReport("Linear regression", subtitle: "sft, vocab and dist on SmolLM2-135M")
///     report.verdict("dist against sft", verdict)
///     report.section("Results")
///     report.table(table)
///     report.figures([mae, rmse])
///     try report.write(to: "runs/regression/report.html")
public struct HTMLReport: Sendable {
  /// Subject of the page.
  public var title: String
  /// One line below it.
  public var subtitle: String
  /// One line at the end: version, date, how long it took.
  public var footer: String
  private var body = MarkupWriter()
  private var sections: [(id: String, heading: String)] = []

  /// A page with a heading only.
  public init(_ title: String, subtitle: String = "", footer: String = "") {
    self.title = title
    self.subtitle = subtitle
    self.footer = footer
  }

  /// Adds to the page what another file of this folder knows how to write.
  mutating func append(_ content: (inout MarkupWriter) -> Void) { content(&body) }

  /// Starts a section.
  public mutating func section(_ heading: String) {
    let id = "section-\(sections.count + 1)"
    sections.append((id, heading))
    body.element("h2", ["id": id], text: heading)
  }

  /// A paragraph.
  public mutating func paragraph(_ text: String) {
    body.element("p", text: text)
  }

  /// A list of remarks.
  public mutating func list(_ items: [String]) {
    body.element("ul") { body in
      for item in items { body.element("li", text: item) }
    }
  }

  /// Finding of a comparison, marked by its outcome: `label` in bold, then the sentence.
  public mutating func verdict(_ label: String, _ verdict: Verdict) {
    self.verdict(label, verdict.description, verdict.outcome)
  }

  /// A finding in words of one's own, marked by its outcome.
  public mutating func verdict(_ label: String, _ text: String, _ outcome: Verdict.Outcome) {
    claim(label, text, Conclusion(outcome))
  }

  /// The same of several comparisons, marked by what they come to together.
  public mutating func claim(_ label: String, _ text: String, _ conclusion: Conclusion) {
    let (kind, sign, meaning) =
      switch conclusion {
      case .better: ("good", "✓", "better")
      case .worse: ("bad", "✗", "worse")
      case .mixed: ("open", "±", "mixed")
      case .noDifferenceShown: ("open", "=", "no difference shown")
      case .undecided: ("open", "?", "not decided")
      case .equivalent: ("good", "≈", "equal within the margin")
      case .different: ("bad", "≠", "differs by more than the margin")
      }
    body.element("div", ["class": "verdict \(kind)"]) { body in
      body.element("span", ["class": "sign", "role": "img", "aria-label": meaning], text: sign)
      body.element("p") { body in
        body.element("strong", text: label)
        body.raw(" " + text.escapedForMarkup)
      }
    }
  }

  /// Something to be careful about.
  public mutating func warning(_ text: String) {
    body.element("div", ["class": "verdict warn"]) { body in
      body.element("span", ["class": "sign", "role": "img", "aria-label": "warning"], text: "!")
      body.element("p", text: text)
    }
  }

  /// A table; wide ones scroll inside their frame.
  public mutating func table(_ table: Table) {
    body.raw(table.html)
  }

  /// Images side by side where the page is wide enough.
  public mutating func figures(_ figures: [any Figure]) {
    body.element("div", ["class": "figures"]) { body in
      for figure in figures { body.element("figure") { $0.raw(figure.svg(standalone: false)) } }
    }
  }

  /// Names and values: settings, versions, counts.
  public mutating func keyValues(_ pairs: [(key: String, value: String)]) {
    body.element("dl") { body in
      for pair in pairs {
        body.element("div") { body in
          body.element("dt", text: pair.key)
          body.element("dd", text: pair.value)
        }
      }
    }
  }

  /// Text in fixed width, as it is: a command, a file.
  public mutating func code(_ text: String, caption: String = "") {
    body.element("figure", ["class": "code"]) { body in
      if !caption.isEmpty { body.element("figcaption", text: caption) }
      // A line break right after <pre> would be dropped, and one before </pre> would show.
      body.raw("<pre tabindex=\"0\"><code>\(text.escapedForMarkup)</code></pre>\n")
    }
  }

  /// A PNG image, inside the page; `description` for those who do not see it.
  public mutating func image(png: [UInt8], description: String, caption: String = "") {
    body.element("figure", ["class": "image"]) { body in
      body.empty(
        "img",
        ["src": "data:image/png;base64," + Data(png).base64EncodedString(), "alt": description, "loading": "lazy"])
      if !caption.isEmpty { body.element("figcaption", text: caption) }
    }
  }

  /// Something that is open only when asked for: `summary` is always seen, what `content` adds is not.
  public mutating func details(_ summary: String, _ content: (inout HTMLReport) -> Void) {
    var inner = self  // so that sections inside go on counting
    inner.body = MarkupWriter()
    content(&inner)
    sections = inner.sections
    body.element("details") { body in
      body.element("summary", text: summary)
      body.raw(inner.body.text)
    }
  }

  /// The whole page.
  public var html: String {
    var page = MarkupWriter()
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
    page.empty("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
    page.empty("meta", ["name": "color-scheme", "content": "light dark"])
    page.empty("meta", ["name": "generator", "content": "dist2"])
    page.element("title", text: title)
    page.raw("<style>\n\(ReportStyle.css)\n\(ChartStyle.css)\n</style>\n</head>\n<body>\n<main>\n")
    page.element("header") { header in
      header.element("h1", text: title)
      if !subtitle.isEmpty { header.element("p", text: subtitle) }
    }
    if sections.count > 3 {
      page.element("nav", ["aria-label": "Sections"]) { nav in
        for section in sections { nav.element("a", ["href": "#\(section.id)"], text: section.heading) }
      }
    }
    page.raw(body.text)
    if !footer.isEmpty { page.element("footer", text: footer) }
    page.raw("</main>\n</body>\n</html>\n")
    return page.text
  }
}

extension HTMLReport {
  /// Writes the page; a page of that name is replaced when the new one is whole.
  public func write(to path: String) throws {
    try AtomicFile.write(html.utf8, to: path)
  }
}
