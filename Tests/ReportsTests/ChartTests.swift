// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reports
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of an XML text, or a failure if it is not well-formed.
final class Markup: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String], text: String)] = []
  private var open: [Int] = []

  init(_ text: String) throws {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    let isGood = parser.parse()
    try #require(isGood, "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "")\n\(text)")
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append((name, attributes, ""))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let last = open.last { elements[last].text += text }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  /// Texts of all elements of a name.
  func texts(_ name: String) -> [String] { elements.filter { $0.name == name }.map(\.text) }

  func count(class name: String) -> Int {
    elements.count { $0.attributes["class", default: ""].split(separator: " ").contains { $0 == name } }
  }

  /// All numbers in places and paths.
  var coordinates: [Double] {
    elements.flatMap { element in
      ["x", "y", "cx", "cy", "points", "width", "height", "d"].compactMap { element.attributes[$0] }.flatMap { value in
        value.matches(of: /-?\d+(\.\d+)?(e-?\d+)?/).compactMap { Double($0.output.0) }
      }
    }
  }
}

@Suite struct ChartTests {
  static let nasty = "a <b> & \"c\" 'd' \u{1}\u{1B} ]]> 日本語"

  static func line(_ values: [Double], x: Axis = Axis(), y: Axis = Axis(), style: Series.Style = .line) -> Chart {
    Chart(
      "t", x: x, y: y,
      series: [Series("s", values.enumerated().map { .init(Double($0), $1) }, style: style)])
  }

  static let charts: [(name: String, figure: any Figure)] = {
    let long = String(repeating: "very long name ", count: 30)
    let values: [(String, [Double])] = [
      ("none", []), ("one", [3]), ("constant", [3, 3, 3]), ("zero", [0, 0]), ("NaN", [.nan, .nan]),
      ("gaps", [1, .nan, 2, .infinity, 3, -.infinity, 4]), ("huge", [1e300, -1e300, 5]), ("largest", [1e308, -1e308]),
      ("tiny", [.leastNonzeroMagnitude, 1e-300]), ("offset", [1e15, 1e15 + 1, 1e15 + 2]),
      ("offset beyond digits", [1e18, 1e18 + 1]),
      ("many", (0..<20_000).map { sin(Double($0)) }), ("negative", [-5, -3]),
    ]
    var charts: [(String, any Figure)] = []
    for (name, values) in values {
      for style in [Series.Style.line, .dashed, .faint, .points, .bins(width: 1)] {
        charts.append(("\(name) \(style)", line(values, style: style)))
      }
      charts.append(("\(name) log", line(values, x: Axis("x", scale: .logarithmic), y: Axis("y", scale: .logarithmic))))
      charts.append(("\(name) range", line(values, y: Axis(range: 0...1, includesZero: true))))
      charts.append(
        (
          "\(name) bars",
          BarChart("b", categories: values.prefix(500).map { "\($0)" }, groups: [.init("g", Array(values.prefix(500)))])
        ))
      charts.append(("\(name) histogram", Chart("h", series: Series.histograms([("a", values), ("b", [])]))))
    }
    charts.append(
      (
        "nasty",
        Chart(
          nasty, subtitle: nasty, x: Axis(nasty), y: Axis(nasty), series: [Series(nasty, [.init(1, 2)])],
          references: [.init(nasty, y: 2)])
      ))
    charts.append(
      ("nasty bars", BarChart(nasty, categories: [nasty, ""], categoryLabel: nasty, groups: [.init(nasty, [1, 2])])))
    charts.append(
      (
        "long",
        Chart(
          long, subtitle: long, x: Axis(long), y: Axis(long),
          series: (0..<20).map { Series("\($0) \(long)", [.init(0, 1), .init(1, 2)]) },
          references: [.init(long, y: 1), .init(long, y: 1.01), .init(long, y: .nan)])
      ))
    charts.append(
      (
        "long bars",
        BarChart(
          long, categories: Array(repeating: long, count: 12),
          groups: [
            .init(
              long, Array(repeating: 1, count: 12),
              ranges: Array(repeating: -Double.infinity...Double.infinity, count: 12))
          ])
      ))
    return charts
  }()

  @Test(arguments: charts.indices)
  func isWellFormedInsideItsBoxAndTheSameEachTime(_ index: Int) throws {
    let (name, figure) = Self.charts[index]
    for standalone in [true, false] {
      let svg = figure.svg(standalone: standalone)
      let markup = try Markup(svg)
      #expect(markup.elements[0].name == "svg")
      let box = try #require(markup.elements[0].attributes["viewBox"]).split(separator: " ")
      let height = try #require(box.last.flatMap { Double($0) })
      // Taller only for a title of two lines, or a long legend.
      #expect(box.dropLast() == ["0", "0", "440"] && (name == "long" ? height > 500 : 310...346 ~= height), "\(name)")
      #expect(markup.elements[1].name == "title" && markup.elements[2].name == "desc")
      #expect(markup.elements.contains { $0.name == "style" } == standalone)
      #expect(markup.coordinates.allSatisfy { (-50...max(500, height)).contains($0) }, "\(name)")
      #expect(!svg.contains("nan,"), "\(name)")
      #expect(!svg.contains("inf,"), "\(name)")
      #expect(!svg.contains("\"nan"), "\(name)")
      #expect(figure.svg(standalone: standalone) == svg)
    }
  }

  @Test func escapesEverything() throws {
    let markup = try Markup(Self.charts.first { $0.name == "nasty" }!.figure.svg(standalone: false))
    #expect(markup.texts("title")[0] == "a <b> & \"c\" 'd' \u{FFFD}\u{FFFD} ]]> 日本語")
    #expect(!markup.elements.contains { $0.name == "b" })
  }

  @Test func drawsWhatItIsGiven() throws {
    let points = (1...10).map { Series.Point(Double($0), Double($0) / 10, range: Double($0) / 20...Double($0) / 5) }
    let chart = Chart(
      "MAE", x: Axis("N"), y: Axis("MAE"),
      series: [
        Series("dist", points), Series("paper", points, style: .dashed, color: 0),
        Series("bars", points, spread: .whiskers),
      ], references: [.init("floor", y: 0.159)])
    let markup = try Markup(chart.svg())
    #expect(markup.count(class: "d2-band") == 2)
    #expect(markup.count(class: "d2-whisker") == 10)
    #expect(markup.count(class: "d2-line") == 2 + 2)  // and in the legend
    #expect(markup.count(class: "d2-dashed") == 1 + 1)
    #expect(markup.count(class: "d2-symbol") == 20 + 2)
    #expect(markup.count(class: "d2-reference") == 1)
    let texts = markup.texts("text")
    for text in ["dist", "paper", "bars", "floor", "N", "MAE", "1", "5", "10", "0.5", "2.0"] {
      #expect(texts.contains(text), "\(text)")
    }
    #expect(markup.texts("title").contains("dist: N 3, MAE 0.3 (0.15 to 0.6)"))
    #expect(markup.texts("desc")[0].contains("dist: 10 points, first 0.1, last 1."))
  }

  @Test func linesBreakAtGapsAndSayWhatIsMissing() throws {
    let markup = try Markup(Self.line([1, 2, .nan, 3, .infinity, 4, 5]).svg())
    let path = try #require(markup.elements.first { $0.attributes["class"] == "d2-line d2-s0" })
    #expect(path.attributes["d"]?.filter { $0 == "M" }.count == 2)
    #expect(markup.count(class: "d2-symbol") == 5 + 1)
    #expect(markup.texts("text").contains { $0.contains("2 values not finite or off the scale, not shown") })
  }

  /// Long names lean to the left of their bars; the first one must not leave the picture.
  @Test func theFirstLeaningNameIsWhole() throws {
    let names = (0..<7).map { "a name of some length \($0)" }
    let chart = BarChart("b", categories: names, groups: [.init("g", names.map { _ in 1 })])
    let first = try #require(
      try Markup(chart.svg()).elements.first { $0.attributes["transform"]?.hasPrefix("rotate") ?? false })
    let x = try #require(first.attributes["x"].flatMap { Double($0) })
    // Eleven ems of 12 units at most, at 35 degrees.
    #expect(x >= 100, "\(first.text)")
  }

  /// A legend of many series leaves the plot its height.
  @Test func aLongLegendMakesTheChartTaller() throws {
    let series = (0..<30).map { Series("a series with quite a long name \($0)", [.init(0, 1), .init(1, 2)]) }
    let markup = try Markup(Chart("t", x: Axis("x"), y: Axis("y"), series: series).svg())
    let grid = markup.elements.filter { $0.attributes["class"] == "d2-grid" }
      .compactMap { $0.attributes["d"]?.split(separator: ",").last?.prefix { $0 != "H" } }.compactMap { Double($0) }
    #expect(try #require(grid.max()) - #require(grid.min()) > 120)
    let legend = markup.elements.filter { $0.attributes["class"] == "d2-name" }.compactMap {
      $0.attributes["y"].flatMap { Double($0) }
    }
    #expect(try #require(legend.max()) < #require(grid.min()))
  }

  /// Variants' names differ at their ends: what is cut of them is the middle.
  @Test func cutNamesStayDifferent() throws {
    let names = [1, 2, 4].map { "dist objective.temperature=\($0)" } + (0..<5).map { "raft data.limit=\($0)00" }
    let chart = BarChart("b", categories: names, groups: [.init("g", names.map { _ in 1 })])
    let leaning = try Markup(chart.svg()).elements.filter { $0.attributes["transform"] != nil }
    #expect(Set(leaning.map(\.text)).count == names.count, "\(leaning.map(\.text))")
    // None begins outside the picture: its width, reckoned high, at 35 degrees.
    for label in leaning {
      let x = try #require(label.attributes["x"].flatMap { Double($0) })
      #expect(x >= 12 * 0.82 * 0.5 * Double(label.text.count), "\(label.text)")
    }
  }

  /// With numbers that take room at the left, too.
  @Test func everyCategoryHasItsName() throws {
    let names = ["a", "b", "c", "d", "e"].map { "category a\($0)" }
    let chart = BarChart("b", categories: names, groups: [.init("g", names.map { _ in 0.000123 })])
    let texts = try Markup(chart.svg()).texts("text")
    #expect(names.allSatisfy(texts.contains), "\(texts)")
  }

  @Test func namesOfLinesDoNotOverlap() throws {
    let references = [1.0, 1.001, 1.002, 1.003, 0.001, 0].map { ReferenceLine("line \($0)", y: $0) }
    let charts: [any Figure] = [
      BarChart("b", categories: ["a"], groups: [.init("g", [1])], references: references),
      Chart(
        "c", y: Axis(includesZero: true), series: [Series("s", [.init(0, 0), .init(1, 1)])], references: references),
    ]
    for chart in charts {
      let markup = try Markup(chart.svg(standalone: false))
      let lines = markup.elements.filter { $0.attributes["class"] == "d2-halo" }
        .compactMap { $0.attributes["y"].flatMap { Double($0) } }.sorted()
      #expect(lines.count == references.count)
      #expect(zip(lines, lines.dropFirst()).allSatisfy { $1 - $0 >= 12.9 }, "\(lines)")
      let axis = markup.elements.first { $0.attributes["class"] == "d2-axis" }?.attributes["d"]
      let bottom = try #require(axis?.split(separator: ",").last.flatMap { Double($0.prefix { $0 != "H" }) })
      let lowest = try #require(lines.last)
      #expect(lowest < bottom)
    }
  }

  @Test func marksAtTheEdgesAreWhole() throws {
    let points = (0...5).map { Series.Point(Double($0) * 1_234_567, 1) }
    let chart = Chart("t", x: Axis("x", range: 0...6_172_835), series: [Series("s", points)])
    for mark in try Markup(chart.svg()).elements where mark.attributes["text-anchor"] == "middle" {
      let x = try #require(mark.attributes["x"].flatMap { Double($0) })
      // Half of each character's width, reckoned low.
      #expect(x + 3 * Double(mark.text.count) <= 440 && x - 3 * Double(mark.text.count) >= 0, "\(mark.text)")
    }
  }

  @Test func thinningKeepsEverySpike() throws {
    var values = [Double](repeating: 0, count: 50_000)
    (values[12_345], values[40_000]) = (7, -3)
    let svg = Self.line(values).svg()
    #expect(svg.utf8.count < 30_000)
    let path = try #require(try Markup(svg).elements.first { $0.attributes["class"] == "d2-line d2-s0" })
    let heights = try #require(path.attributes["d"]).matches(of: /,(-?[\d.]+)/).compactMap { Double($0.output.1) }
    let usual = Dictionary(grouping: heights) { $0 }.max { $0.value.count < $1.value.count }?.key
    #expect(heights.count { $0 < usual! } == 1 && heights.count { $0 > usual! } == 1)
  }

  @Test(arguments: [
    ([0.0, 0.23], ["0", "0.05", "0.10", "0.15", "0.20", "0.25"]), ([1, 10], ["0", "2", "4", "6", "8", "10"]),
    ([0, 3], ["0", "1", "2", "3"]), ([-0.7, 0.7], ["-1.0", "-0.5", "0", "0.5", "1.0"]),
    ([0, 42_000], ["0", "10k", "20k", "30k", "40k", "50k"]), ([0, 4e6], ["0", "1M", "2M", "3M", "4M"]),
    ([0, 3e-7], ["0", "10⁻⁷", "2·10⁻⁷", "3·10⁻⁷"]), ([997, 1003], ["996", "998", "1000", "1002", "1004"]),
  ])
  func niceMarks(_ values: [Double], _ expected: [String]) throws {
    let texts = try Markup(Self.line(values, x: Axis(range: 7...8)).svg()).elements
      .filter { $0.name == "text" && $0.attributes["text-anchor"] == "end" }.map(\.text)
    #expect(texts == expected)
  }

  @Test func logarithmicMarks() throws {
    func marks(_ values: [Double]) throws -> [String] {
      try Markup(Self.line(values, y: Axis(scale: .logarithmic)).svg()).elements
        .filter { $0.name == "text" && $0.attributes["text-anchor"] == "end" }.map(\.text)
    }
    #expect(try marks([1, 100]) == ["1", "2", "5", "10", "20", "50", "100"])
    #expect(try marks([1e-7, 1]) == ["10⁻⁶", "0.0001", "0.01", "1"])
    #expect(try marks([3, 4]) == ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"])
    #expect(try marks([-1, 0]).count > 1)
  }

  @Test func histogramsCountEveryFiniteValueOnce() {
    let series = Series.histograms([("a", [0, 0.5, 1, .nan]), ("b", [1, 1, 0.25, .infinity])], bins: 4)
    #expect(series[0].points.map(\.y) == [1, 0, 1, 1])
    #expect(series[1].points.map(\.y) == [0, 1, 0, 2])
    #expect(series[0].points.map(\.x) == [0.125, 0.375, 0.625, 0.875])
    let shares = Series.histograms([("a", [0, 0.5, 1, 1])], bins: 2, asShares: true)
    #expect(shares[0].points.map(\.y) == [0.25, 0.75])
    #expect(Series.histograms([("a", [2, 2, 2])])[0].points == [.init(2, 3)])
  }

  @Test func smoothingIsAnUnbiasedMovingMean() {
    let series = Series("s", [.init(0, 4), .init(1, 4), .init(2, .nan), .init(3, 0)]).smoothed(halfLife: 1)
    #expect(series.points[0].y == 4 && series.points[1].y == 4 && series.points[2].y.isNaN)
    // Weights 1, 1/2, 1/4 over 0, 4, 4.
    #expect(abs(series.points[3].y - 3 / 1.75) < 1e-12)
  }

  @Test func inCharacters() {
    let chart = Chart(
      "MAE", x: Axis("N"), y: Axis("MAE"),
      series: [Series("a", (0...4).map { .init(Double($0), Double($0)) }), Series("b", [.init(0, 4), .init(4, 0)])],
      references: [.init("floor", y: 3)])
    #expect(
      chart.text(terminal: .test(), width: 30, height: 5) == """
        MAE
        ● a   ■ b   ┈┈ floor
        MAE
        4 ┤■⠒⠢⢄⣀                ⣀⡠⠤⠒●
          │┈┈┈┈┈⠉⠑⠢⠤⣀⡀┈┈┈┈⢀⣀⠤⠔●⠉┈┈┈┈┈
        2 ┤          ⣈⡱⠖●⢍⡁
          │     ⣀●⠔⠊⠉     ⠈⠉⠒⠢⢄⣀
        0 ┤●⠤⠒⠊⠉                ⠉⠑⠢⠤■
          └──────────────────────────
           0            2           4
                      N

        """)
  }

  @Test(arguments: charts.indices)
  func inCharactersNeverTooWide(_ index: Int) throws {
    guard let chart = Self.charts[index].figure as? Chart else { return }
    for (width, unicode) in [(24, true), (60, false), (100, true)] {
      let text = chart.text(terminal: .test(unicode: unicode), width: width)
      let name = Self.charts[index].name
      #expect(unicode || name.hasPrefix("nasty") || text.allSatisfy(\.isASCII), "\(name): \(text)")
      let widest = text.split(separator: "\n").map(\.count).max() ?? 0
      #expect(widest <= width, "\(Self.charts[index].name): \(text)")
    }
  }

  /// What a subtitle says is not cut where a second line has room for it.
  @Test func subtitlesTakeTwoLines() throws {
    let subtitle = "share of truths in each tenth; flat is calibrated, a U is too sure, a hill not sure enough"
    let texts = try Markup(Chart("t", subtitle: subtitle, series: []).svg()).texts("text")
    #expect(
      texts.contains { subtitle.hasPrefix($0) && $0.count > 20 }
        && texts.contains { subtitle.hasSuffix($0) && $0.count > 4 })
    #expect(!texts.contains { $0.hasSuffix("…") }, "\(texts)")
  }
}
