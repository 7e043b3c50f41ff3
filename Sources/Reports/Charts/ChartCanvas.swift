// SPDX-License-Identifier: Apache-2.0
/// The page a chart is drawn on: heading and legend from the top, then the plot with its axes in what is left.
struct ChartCanvas {
  /// One entry of a legend.
  struct Entry {
    enum Swatch { case line, lineAndSymbol, dashed, faint, symbol, box }
    var name: String
    var color: Int
    var swatch: Swatch
  }

  static let width = 440.0
  static let height = 310.0
  /// Rows of a legend that fit into that height; each further one makes the page taller, since the plot needs its room.
  private static let legendRows = 3

  var svg = MarkupWriter()
  /// Edges of the plot.
  private(set) var left = 8.0
  private(set) var right = ChartCanvas.width - 14
  private(set) var top = 8.0
  private(set) var bottom = ChartCanvas.height - 8
  private var height = ChartCanvas.height

  /// Title and subtitle.
  mutating func heading(_ title: String, _ subtitle: String) {
    if !title.isEmpty {
      for (index, line) in title.lines(ems: Self.width / 18, most: 2).enumerated() {
        if index > 0 { grow(by: 18) }
        top += index > 0 ? 18 : 14
        svg.element("text", ["class": "d2-title", "x": "2", "y": coordinate(top)], text: line)
      }
      top += 5
    }
    if !subtitle.isEmpty {
      // Some systems' fonts are wider than is reckoned with.
      for line in subtitle.lines(ems: Self.width / 13.5, most: 2) {
        top += 14
        svg.element("text", ["x": "2", "y": coordinate(top)], text: line)
      }
      top += 2
    }
  }

  /// The series' names, as many to a row as fit.
  mutating func legend(_ entries: [Entry]) {
    guard entries.count > 1 || entries.contains(where: { !$0.name.isEmpty }) else { return }
    var x = 2.0, rows = 1
    top += 13
    for entry in entries {
      let name = entry.name.onOneLine.fitted(ems: 30)
      let width = 26 + name.estimatedEms * 12 + 14
      if x > 2, x + width > Self.width {
        x = 2
        top += 17
        rows += 1
        if rows > Self.legendRows { grow(by: 17) }
      }
      let baseline = top
      svg.element("g", ["class": ChartStyle.colorClass(entry.color)]) { svg in
        Self.draw(entry, x: x, middle: baseline - 4, in: &svg)
        svg.element("text", ["class": "d2-name", "x": coordinate(x + 26), "y": coordinate(baseline)], text: name)
      }
      x += width
    }
    top += 5
  }

  private mutating func grow(by more: Double) {
    height += more
    bottom += more
  }

  private static func draw(_ entry: Entry, x: Double, middle: Double, in svg: inout MarkupWriter) {
    let line = "M\(coordinates(x, middle))H\(coordinate(x + 20))"
    switch entry.swatch {
    case .line, .lineAndSymbol: svg.empty("path", ["class": "d2-line", "d": line])
    case .dashed: svg.empty("path", ["class": "d2-dashed", "d": line])
    case .faint: svg.empty("path", ["class": "d2-faint", "d": line])
    case .symbol: break
    case .box:
      svg.empty(
        "rect",
        [
          "class": "d2-bar", "x": coordinate(x + 4), "y": coordinate(middle - 6), "width": "12", "height": "12",
          "rx": "2",
        ])
    }
    if entry.swatch == .lineAndSymbol || entry.swatch == .symbol {
      svg.empty("path", ["class": "d2-symbol", "d": ChartStyle.symbol(entry.color, x: x + 10, y: middle)])
    }
  }

  /// Makes room for the axes, then draws the vertical one with its grid and label, and the label of the horizontal one.
  mutating func axes(
    vertical: ResolvedAxis, verticalLabel: String, horizontalLabel: String, marksHeight: Double = 18,
    leastLeft: Double = 0
  ) {
    if !verticalLabel.isEmpty {
      top += 17
      svg.element(
        "text", ["x": "2", "y": coordinate(top)], text: verticalLabel.onOneLine.fitted(ems: Self.width / 12))
    }
    top += 12
    left = max(Self.left(of: vertical), leastLeft)
    if !horizontalLabel.isEmpty {
      svg.element(
        "text",
        ["x": coordinate((left + right) / 2), "y": coordinate(bottom - 2), "text-anchor": "middle"],
        text: horizontalLabel.onOneLine.fitted(ems: (right - left) / 12))
      bottom -= 18
    }
    bottom -= marksHeight
    for mark in vertical.marks {
      guard let place = vertical.place(mark.value) else { continue }
      let y = self.y(place)
      svg.empty("path", ["class": "d2-grid", "d": "M\(coordinates(left, y))H\(coordinate(right))"])
      svg.element(
        "text", ["x": coordinate(left - 7), "y": coordinate(y + 4), "text-anchor": "end"], text: mark.label)
    }
    svg.empty("path", ["class": "d2-axis", "d": "M\(coordinates(left, bottom))H\(coordinate(right))"])
  }

  /// Left edge of a plot with this axis.
  static func left(of vertical: ResolvedAxis) -> Double {
    14 + 12 * (vertical.marks.map(\.label.estimatedEms).max() ?? 0)
  }

  /// Names of lines across the plot, on top of all at the right: above its line, or where that is too near to another's
  /// name or the top, below.
  mutating func referenceNames(_ references: [(name: String, line: Double)]) {
    let spacing = 13.0
    var places = [(name: String, baseline: Double)](), last = -Double.infinity
    for (name, line) in references.sorted(by: { $0.line < $1.line }) where !name.isEmpty {
      let isFree = line - 5 - last > spacing && line - top > 8
      last = isFree ? line - 5 : max(line + 14, last + spacing)
      places.append((name, last))
    }
    // What would lie below the plot moves up, and what stands in its way with it.
    var limit = bottom - 4
    for index in places.indices.reversed() {
      places[index].baseline = min(places[index].baseline, limit)
      limit = places[index].baseline - spacing
    }
    for (name, baseline) in places {
      svg.element(
        "text",
        ["class": "d2-halo", "x": coordinate(right - 2), "y": coordinate(baseline), "text-anchor": "end"],
        text: name.onOneLine.fitted(ems: (right - left) / 12))
    }
  }

  /// Marks of a numeric horizontal axis; those whose labels would touch are left out.
  mutating func horizontalMarks(_ axis: ResolvedAxis) {
    var free = -Double.infinity
    for mark in axis.marks {
      guard let place = axis.place(mark.value) else { continue }
      let x = self.x(place)
      svg.empty("path", ["class": "d2-axis", "d": "M\(coordinates(x, bottom))v4"])
      let half = mark.label.estimatedEms * 6
      // At the edges of the page a label moves inwards.
      let center = max(half + 2, min(x, Self.width - half - 2))
      guard center - half > free else { continue }
      free = center + half + 6
      svg.element(
        "text", ["x": coordinate(center), "y": coordinate(bottom + 17), "text-anchor": "middle"], text: mark.label)
    }
  }

  /// A note in the middle of an empty plot, or none.
  mutating func emptyNote() {
    svg.element(
      "text",
      ["x": coordinate((left + right) / 2), "y": coordinate((top + bottom) / 2), "text-anchor": "middle"],
      text: "no data")
  }

  func x(_ place: Double) -> Double { left + place * (right - left) }
  func y(_ place: Double) -> Double { bottom - place * (bottom - top) }

  /// The whole element.
  func document(title: String, description: String, standalone: Bool) -> String {
    var document = MarkupWriter()
    let (width, height) = (coordinate(Self.width), coordinate(self.height))
    document.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "class": "d2-chart", "viewBox": "0 0 \(width) \(height)",
        "width": width, "height": height, "role": "img",
      ]
    ) { document in
      document.element("title", text: title)
      document.element("desc", text: description)
      if standalone {
        // The style sheet has no character that markup would have to escape.
        document.raw("<style>\(ChartStyle.css)</style>\n")
        document.empty("rect", ["class": "d2-back", "width": width, "height": height, "rx": "6"])
      }
      document.raw(svg.text)
    }
    return document.text
  }
}
