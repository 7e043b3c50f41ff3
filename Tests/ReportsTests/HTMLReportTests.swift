// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reports
import Testing

@Suite struct HTMLReportTests {
  static let nasty = "<script>alert(1)</script> & \"q\" 'a' \u{1B}[2J ]]>"

  /// A page with one of everything, every text of it hostile.
  static var page: HTMLReport {
    var report = HTMLReport(nasty, subtitle: nasty, footer: nasty)
    report.verdict(nasty, Verdict(nasty, ours: [1, 2, 3.5], theirs: [2, 3, 4], unit: nasty))
    for outcome in [Verdict.Outcome.worse, .noDifferenceShown, .identical, .tooFewPairs] {
      report.verdict("label", "text", outcome)
    }
    report.warning(nasty)
    for number in 1...4 { report.section("\(number) \(nasty)") }
    report.paragraph(nasty)
    report.list([nasty, "b"])
    report.keyValues([(nasty, nasty)])
    report.code("a < b\n  & c \(nasty)\n", caption: nasty)
    var table = Table(
      nasty, columns: [.init(nasty, group: nasty), .init("n", group: nasty), .init("m")], notes: [nasty])
    table.add([.text(nasty), .mean([1, 2]), .missing])
    table.add([.text("x").emphasized, .number(.nan), .interval(1, ConfidenceInterval(low: 0, high: 2)).emphasized])
    report.table(table)
    report.figures([Chart(nasty, series: [Series(nasty, [.init(0, 1)])]), BarChart(nasty, categories: [], groups: [])])
    report.image(png: [0x89, 0x50], description: nasty, caption: nasty)
    report.details(nasty) { inner in
      inner.section("inside")
      inner.paragraph(nasty)
    }
    return report
  }

  /// A table that is wider than a telephone shows that it goes on: a shadow that stays, under a cover that moves.
  @Test func whatScrollsShowsIt() throws {
    let css = try #require(
      Self.page.html.split(separator: "<style>").dropFirst().first?.split(separator: "</style>").first)
    let rule = try #require(css.split(separator: "\n").first { $0.hasPrefix(".scroll,pre{overflow-x:auto") })
    #expect(rule.contains("no-repeat local") && rule.contains("no-repeat scroll"))
    #expect(css.contains(".scroll,pre{overflow:visible;background:var(--ground)}"))  // on paper
  }

  @Test func isWellFormedAndEscaped() throws {
    let html = Self.page.html
    let markup = try Markup(html)
    #expect(!markup.elements.contains { $0.name == "script" })
    let shown = "<script>alert(1)</script> & \"q\" 'a' \u{FFFD}[2J ]]>"
    #expect(markup.texts("title")[0] == shown)
    for name in ["h1", "footer", "li", "dt", "dd", "summary"] { #expect(markup.texts(name).contains(shown), "\(name)") }
    #expect(markup.texts("code") == ["a < b\n  & c \(shown)\n"])
    #expect(markup.elements.first { $0.name == "img" }?.attributes["alt"] == shown)
  }

  @Test func needsNothingButItself() throws {
    let html = Self.page.html
    for outside in ["http://", "https://", "@import", "url(", "<link", "src=\"/", "javascript:"] {
      // The name of the SVG format is an address that nobody opens.
      let text = html.replacing("xmlns=\"http://www.w3.org/2000/svg\"", with: "")
      #expect(!text.contains(outside), "\(outside)")
    }
    let image = try Markup(html).elements.first { $0.name == "img" }
    #expect(image?.attributes["src"] == "data:image/png;base64,iVA=")
  }

  @Test func sectionsHaveTheirOwnNames() throws {
    let markup = try Markup(Self.page.html)
    let names = markup.elements.compactMap { $0.attributes["id"] }
    #expect(names.count == 5)
    #expect(Set(names).count == 5)
    let links = markup.elements.filter { $0.name == "a" }.compactMap { $0.attributes["href"] }
    #expect(links == names.map { "#" + $0 })
  }

  @Test func shortPagesHaveNoContents() throws {
    var report = HTMLReport("t")
    report.section("a")
    #expect(!report.html.contains("<nav"))
  }

  @Test func tablesKeepGroupsAndMarkTheBest() throws {
    var table = Table(columns: [.init("N"), .init("MAE", group: "sft"), .init("RMSE", group: "sft"), .init("dist")])
    table.add([.count(1), .mean(0.2, spread: 0.039), .number(0.243), .number(0.21)])
    table.emphasizeBest(.lowest, across: [1, 3])
    let markup = try Markup(table.html)
    let heads = markup.elements.filter { $0.name == "th" }
    #expect(heads.map(\.text) == ["", "sft", "", "N", "MAE", "RMSE", "dist", "1"])
    #expect(heads[1].attributes["colspan"] == "2")
    #expect(markup.texts("b") == ["0.200"])
    #expect(markup.texts("span") == [" ± 0.039"])
  }

  @Test func writesTheFileWhole() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dist2-report-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "report.html").path
    try HTMLReport("first").write(to: path)
    try HTMLReport("second").write(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == HTMLReport("second").html)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["report.html"])
    #expect(throws: (any Error).self) { try HTMLReport("t").write(to: folder.path + "/no/such/folder.html") }
  }
}
