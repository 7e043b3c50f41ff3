extension Chart {
  /// The chart in characters, for a terminal: lines in braille dots, symbols at the points, without ranges.
  ///
  /// - Parameters:
  ///   - width: columns in all; nil: as wide as the terminal, at most 100.
  ///   - height: rows of the plot itself.
  public func text(terminal: Terminal, width: Int? = nil, height: Int = 14) -> String {
    let width = max(24, width ?? min(100, terminal.size().columns))
    let axes = resolvedAxes(xMarks: width / 10, yMarks: max(2, height / 4))
    let labels = axes.y.marks.map(\.label)
    let margin = labels.map(\.displayWidth).max() ?? 0
    var plot = TextPlot(columns: max(8, width - margin - 3), rows: max(3, height))
    for (series, color) in zip(series, colors) { draw(series, color, axes, terminal, in: &plot) }
    for reference in references where y.shows(reference.y) {
      if let place = axes.y.place(reference.y) { plot.rule(place, terminal.hasUnicode ? "┈" : "-") }
    }
    var lines = [terminal.styled(title.onOneLine, .bold), legend(terminal)].filter { !$0.isEmpty }
    if !y.label.isEmpty { lines.append(terminal.styled(y.label.onOneLine, .dim)) }
    lines += plotLines(plot, axes, margin, terminal)
    if !x.label.isEmpty {
      lines.append(
        terminal.styled(x.label.onOneLine.padded(to: width, .center).trimmingTrailingSpaces, .dim))
    }
    if omitted > 0 { lines.append(terminal.styled("\(omitted) not finite or off the scale, not shown", .dim)) }
    return lines.map { $0 + "\n" }.joined()
  }

  private func plotLines(
    _ plot: TextPlot, _ axes: (x: ResolvedAxis, y: ResolvedAxis), _ margin: Int, _ terminal: Terminal
  ) -> [String] {
    var labels = [String](repeating: "", count: plot.rows)
    for mark in axes.y.marks {
      guard let place = axes.y.place(mark.value) else { continue }
      labels[plot.rows - 1 - Int((place * Double(4 * plot.rows - 1)).rounded()) / 4] = mark.label
    }
    let (side, tick, corner, base) = terminal.hasUnicode ? ("│", "┤", "└", "─") : ("|", "+", "+", "-")
    var lines = labels.enumerated().map { row, label in
      "\(label.padded(to: margin, .right)) \(label.isEmpty ? side : tick)\(plot.row(row, terminal: terminal))"
        .trimmingTrailingSpaces
    }
    lines.append(String(repeating: " ", count: margin + 1) + corner + String(repeating: base, count: plot.columns))
    var marks = ""
    for mark in axes.x.marks {
      guard let place = axes.x.place(mark.value) else { continue }
      let center = margin + 2 + Int((place * Double(plot.columns - 1)).rounded())
      let start = max(0, center - mark.label.count / 2)
      if start > marks.count || marks.isEmpty {
        marks += String(repeating: " ", count: start - marks.count) + mark.label
      }
    }
    return lines + [marks]
  }

  private func draw(
    _ series: Series, _ color: Int, _ axes: (x: ResolvedAxis, y: ResolvedAxis), _ terminal: Terminal,
    in plot: inout TextPlot
  ) {
    let style = TextPlot.colors[abs(color) % TextPlot.colors.count]
    let places = series.thinned(to: plot.columns).map { point -> (x: Double, y: Double)? in
      guard x.shows(point.x), y.shows(point.y), let across = axes.x.place(point.x) else { return nil }
      return axes.y.clampedPlace(point.y).map { (across, $0) }
    }
    if case .bins = series.style, let floor = axes.y.clampedPlace(0) {
      for place in places.compactMap({ $0 }) { plot.line(from: (place.x, floor), to: place, color: style) }
      return
    }
    if series.style != .points {
      for (start, end) in zip(places, places.dropFirst()) {
        guard let start, let end else { continue }
        let isDashed = series.style == .dashed
        plot.line(from: start, to: end, color: style, gap: isDashed ? 2 : 0)
      }
    }
    let isFew = places.count * 3 <= plot.columns
    guard series.style == .points || (series.style == .line && isFew) || places.count == 1 else { return }
    for place in places.compactMap({ $0 }) {
      plot.mark(place, TextPlot.symbol(color, terminal), color: style)
    }
  }

  private func legend(_ terminal: Terminal) -> String {
    let entries = zip(series, colors).filter { !$0.0.name.isEmpty }.map { series, color in
      let style = TextPlot.colors[abs(color) % TextPlot.colors.count]
      let isLine = series.style == .dashed || series.style == .faint
      let sign = isLine ? (terminal.hasUnicode ? "⠒⠂" : "..") : String(TextPlot.symbol(color, terminal))
      return terminal.styled(sign, style) + " " + series.name.onOneLine
    }
    let levels = references.map { (terminal.hasUnicode ? "┈┈ " : "-- ") + $0.name.onOneLine }
    return (entries + levels).joined(separator: "   ")
  }
}

extension TextPlot {
  /// Colours by palette index.
  fileprivate static let colors: [TextStyle] = [.cyan, .yellow, .green, .magenta, .blue, .red]

  fileprivate static func symbol(_ index: Int, _ terminal: Terminal) -> Character {
    let symbols: [Character] =
      terminal.hasUnicode ? ["●", "■", "▲", "◆", "▼", "○", "□", "△"] : ["o", "#", "^", "x", "v", "*", "%", "@"]
    return symbols[abs(index) % symbols.count]
  }
}
