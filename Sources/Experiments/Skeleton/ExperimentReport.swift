// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Files
public import Reports

/// Report of an experiment: claims, tables and figures once, written as text, Markdown, a page, and JSON.
public struct ExperimentReport {
  /// Part of the page, in order.
  public enum Part {
    /// A heading.
    case section(String)
    /// A table that is shown everywhere.
    case table(Table)
    /// One that the terminal and Markdown are spared.
    case detail(Table)
    /// Side by side.
    case figures([any Figure])
    /// Plain text.
    case paragraph(String)
    /// Text in fixed width.
    case code(String, caption: String)
    /// A PNG file's content.
    case image([UInt8], caption: String)
    /// Names and values.
    case values([(key: String, value: String)])
    /// Items of a list.
    case list([String])
    /// Opened only when asked for.
    case closed(String, [Part])
  }

  /// Heading of the page, and the line below it.
  public var title: String
  /// A line under the title.
  public var subtitle: String
  /// Summary, in a sentence or two; empty where the claims say it.
  public var headline = ""
  /// The claims that these results speak to; other findings have no id.
  public var findings: [JudgedClaim]
  /// Further remarks on the claims.
  public var remarks: [String]
  /// The image that says most: `figure.svg`, the first of the page, and drawn in the terminal where it is a curve.
  public var figure: any Figure
  /// The page between claims and settings.
  public var parts: [Part]
  /// Settings beyond the command.
  public var settings: [Part]
  /// The command that makes it again.
  public internal(set) var command = ""
  /// Further members of `report.json`.
  public var members = JSONObject()
  var experiment: JSON = .null

  /// Memberwise.
  public init(
    _ title: String, subtitle: String, findings: [JudgedClaim], remarks: [String] = [], figure: any Figure,
    parts: [Part], settings: [Part] = []
  ) {
    (self.title, self.subtitle, self.findings, self.remarks) = (title, subtitle, findings, remarks)
    (self.figure, self.parts, self.settings) = (figure, parts, settings)
  }

  /// Tables shown everywhere.
  public var tables: [Table] { parts.compactMap { if case .table(let table) = $0 { table } else { nil } } }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String {
    var blocks = tables.map { $0.text(terminal: terminal) }
    if let chart = figure as? Chart, chart.series.contains(where: { $0.points.count > 1 }) {
      blocks.append(chart.text(terminal: terminal))
    }
    if !headline.isEmpty { blocks.append(terminal.styled(terminal.prose(headline), .bold)) }
    let claims = findings.filter { !$0.id.isEmpty }, others = findings.filter(\.id.isEmpty)
    blocks += claims.map { claim in
      terminal.styled(terminal.prose("\(claim.id) \(claim.claim)"), .bold) + "\n   "
        + terminal.prose(claim.finding, indent: 3)
    }
    if !others.isEmpty {
      blocks.append(
        others.map { "• " + terminal.prose("\($0.claim): \($0.finding)", indent: 2) }.joined(separator: "\n"))
    }
    return (blocks + remarks.map { terminal.prose($0) }).asBlocks + "\n"
  }

  /// The command, tables and findings, for `docs/experiments/`.
  public var markdown: String {
    let found = findings.map {
      $0.id.isEmpty ? "- \($0.claim): \($0.finding)\n" : "- **\($0.id)** \($0.claim) *Found:* \($0.finding)\n"
    }
    return "```\n\(command)\n```\n\n" + tables.map { $0.markdown }.joined(separator: "\n") + "\n"
      + (headline.isEmpty ? "" : "**\(headline)**\n\n") + found.joined()
      + remarks.map { "\n\($0)\n" }.joined()
  }

  /// `report.html`
  public var page: HTMLReport {
    var page = HTMLReport(
      title, subtitle: subtitle, footer: "Made by dist2. Every figure comes from the runs in this folder.")
    if !headline.isEmpty { page.paragraph(headline) }
    for finding in findings {
      let label = finding.id.isEmpty ? finding.claim : "\(finding.id). \(finding.claim)"
      page.claim(label, finding.finding, finding.conclusion)
    }
    for remark in remarks { page.paragraph(remark) }
    for part in parts { page.add(part) }
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    for part in settings { page.add(part) }
    return page
  }

  /// `report.json`, for programs: settings, tables with intervals, figures' values, claims with verdicts.
  public var json: JSON {
    let all = (parts + settings).compactMap { part -> Table? in
      switch part {
      case .table(let table), .detail(let table): table
      default: nil
      }
    }
    let figures = parts.flatMap { if case .figures(let figures) = $0 { figures } else { [] } }
    let common: JSON = [
      "title": .string(title), "conclusion": .string(headline), "command": .string(command), "settings": experiment,
      "tables": .array(all.map(\.json)),
      "figures": .array(figures.compactMap { ($0 as? any ReadableFigure)?.json }),
      "claims": .array(findings.filter { !$0.id.isEmpty }.map(\.json)),
      "remarks": .array(remarks.map { .string($0) }),
    ]
    guard case .object(var object) = common else { return common }
    for member in members.members { object[member.key] = member.value }
    return .object(object)
  }

  /// Writes `report.html`, `report.json`, `table.md` and `figure.svg`.
  func write(to folder: String) throws {
    try page.write(to: folder + "/report.html")
    try AtomicFile.write(json, to: folder + "/report.json")
    try AtomicFile.write(markdown.utf8, to: folder + "/table.md")
    try AtomicFile.write(figure.svg(standalone: true).utf8, to: folder + "/figure.svg")
  }
}

extension HTMLReport {
  fileprivate mutating func add(_ part: ExperimentReport.Part) {
    switch part {
    case .section(let heading): section(heading)
    case .table(let table), .detail(let table): self.table(table)
    case .figures(let figures): self.figures(figures)
    case .paragraph(let text): paragraph(text)
    case .code(let text, let caption): code(text, caption: caption)
    case .image(let png, let caption): image(png: png, description: caption, caption: caption)
    case .values(let pairs): keyValues(pairs)
    case .list(let items): list(items)
    case .closed(let summary, let parts): details(summary) { page in for part in parts { page.add(part) } }
    }
  }
}
