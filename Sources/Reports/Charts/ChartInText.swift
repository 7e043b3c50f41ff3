// SPDX-License-Identifier: Apache-2.0
extension Chart {
  /// The chart in characters, for a terminal: lines in braille dots, symbols at the points, without ranges.
  ///
  /// - Parameters:
  ///   - width: columns in all; nil: as wide as the terminal, at most 100.
  ///   - height: rows of the plot itself.
  public func text(terminal: Terminal, width: Int? = nil, height: Int = 14) -> String {
    let width = max(24, width ?? min(100, terminal.size().columns))
    let axes = resolvedAxes(xMarks: width / 10, yMarks: max(2, height / 4))
    let margin = axes.y.marks.map { $0.label(on: terminal).displayWidth }.max() ?? 0
    var plot = TextPlot(columns: max(8, width - margin - 3), rows: max(3, height))
    for (series, color) in zip(series, colors) { draw(series, color, axes, terminal, in: &plot) }
    for reference in references where y.shows(reference.y) {
      if let place = axes.y.place(reference.y) { plot.rule(place, terminal.hasUnicode ? "┈" : "-") }
    }
    func line(_ text: String, _ style: TextStyle) -> [String] {
      text.isEmpty ? [] : [terminal.styled(text.onOneLine.truncated(to: width, mark: terminal.ellipsis), style)]
    }
    let label = x.label.onOneLine.padded(to: width, .center).trimmingTrailingSpaces
    let note = omitted > 0 ? "\(omitted) not finite or off the scale, not shown" : ""
    let lines =
      line(title, .bold) + legend(terminal, width) + line(y.label, .dim) + plotLines(plot, axes, margin, terminal)
      + line(label, .dim) + line(note, .dim)
    return lines.map { $0 + "\n" }.joined()
  }

  private func plotLines(
    _ plot: TextPlot, _ axes: (x: ResolvedAxis, y: ResolvedAxis), _ margin: Int, _ terminal: Terminal
  ) -> [String] {
    var labels = [String](repeating: "", count: plot.rows)
    for mark in axes.y.marks {
      guard let place = axes.y.place(mark.value) else { continue }
      labels[plot.rows - 1 - Int((place * Double(4 * plot.rows - 1)).rounded()) / 4] = mark.label(on: terminal)
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
      let label = mark.label(on: terminal)
      let center = margin + 2 + Int((place * Double(plot.columns - 1)).rounded())
      let start = max(0, min(center - label.count / 2, margin + 2 + plot.columns - label.count))
      if start > marks.count || marks.isEmpty {
        marks += String(repeating: " ", count: start - marks.count) + label
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
      for place in places.compactMap({ $0 }) where place.y != floor {
        plot.line(from: (place.x, floor), to: place, color: style)
      }
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

  /// The names of series and references, as many to a line as fit.
  private func legend(_ terminal: Terminal, _ width: Int) -> [String] {
    var entries = zip(series, colors).filter { !$0.0.name.isEmpty }.map { series, color in
      let isLine = series.style == .dashed || series.style == .faint
      let sign = isLine ? (terminal.hasUnicode ? "⠒⠂" : "..") : String(TextPlot.symbol(color, terminal))
      return (sign, style: Optional(TextPlot.colors[abs(color) % TextPlot.colors.count]), series.name)
    }
    entries += references.map { (terminal.hasUnicode ? "┈┈" : "--", style: nil, $0.name) }
    var lines: [String] = []
    var free = 0
    for (sign, style, name) in entries {
      let name = name.onOneLine.truncated(to: width - 3, mark: terminal.ellipsis)
      let needed = sign.displayWidth + 1 + name.displayWidth
      let text = (style.map { terminal.styled(sign, $0) } ?? sign) + " " + name
      if needed + 3 <= free {
        lines[lines.count - 1] += "   " + text
        free -= needed + 3
      } else {
        lines.append(text)
        free = width - needed
      }
    }
    return lines
  }
}

extension ResolvedAxis.Mark {
  /// The label, without superscripts where a terminal has none.
  fileprivate func label(on terminal: Terminal) -> String {
    terminal.hasUnicode || label.allSatisfy(\.isASCII) ? label : Quantity.significant(value, digits: 3)
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
