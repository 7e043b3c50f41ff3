// SPDX-License-Identifier: Apache-2.0
extension Chart {
  /// The chart as SVG.
  public func svg(standalone: Bool = false) -> String {
    let axes = resolvedAxes(xMarks: 10, yMarks: 5)
    var canvas = ChartCanvas()
    canvas.heading(title.onOneLine, subtitleWithOmissions)
    canvas.legend(legend)
    canvas.axes(vertical: axes.y, verticalLabel: y.label, horizontalLabel: x.label)
    canvas.horizontalMarks(axes.x)
    if series.allSatisfy({ drawable($0).isEmpty }) { canvas.emptyNote() }
    var plot = Plot(canvas: canvas, x: axes.x, y: axes.y, chart: self)
    for (series, color) in zip(series, colors) { plot.drawSpread(series, color) }
    plot.drawReferenceLines()
    for (series, color) in zip(series, colors) { plot.draw(series, color) }
    plot.drawReferenceNames()
    return plot.canvas.document(title: title, description: description(axes), standalone: standalone)
  }

  private var subtitleWithOmissions: String {
    let note = omitted == 0 ? "" : "\(omitted) value\(omitted == 1 ? "" : "s") not finite or off the scale, not shown"
    return [subtitle.onOneLine, note].filter { !$0.isEmpty }.joined(separator: " · ")
  }

  private var legend: [ChartCanvas.Entry] {
    zip(series, colors).map { series, color in
      let swatch: ChartCanvas.Entry.Swatch
      switch series.style {
      case .line: swatch = series.hasSymbols ? .lineAndSymbol : .line
      case .faint: swatch = .faint
      case .dashed: swatch = .dashed
      case .points: swatch = .symbol
      case .bins: swatch = .box
      }
      return .init(name: series.name, color: color, swatch: swatch)
    }
  }

  /// Text for those who do not see the chart.
  private func description(_ axes: (x: ResolvedAxis, y: ResolvedAxis)) -> String {
    func number(_ value: Double) -> String { Quantity.significant(value, digits: 4) }
    func axis(_ axis: Axis, _ resolved: ResolvedAxis, _ side: String) -> String {
      let scale = axis.scale == .logarithmic ? ", logarithmic" : ""
      return "\(side) axis \(axis.label) from \(number(resolved.low)) to \(number(resolved.high))\(scale)."
    }
    let lines = series.map { series in
      let points = drawable(series)
      guard let first = points.first, let last = points.last else { return "\(series.name): no data." }
      return "\(series.name): \(points.count) points, first \(number(first.y)), last \(number(last.y))."
    }
    let levels = references.map { "\($0.name): \(number($0.y))." }
    return ([axis(x, axes.x, "Horizontal"), axis(y, axes.y, "Vertical")] + lines + levels).joined(separator: " ")
  }
}

extension Series {
  /// A line through few points shows where they are.
  fileprivate var hasSymbols: Bool { style == .line && points.count <= 40 }
}

/// The inside of a chart's axes.
private struct Plot {
  var canvas: ChartCanvas
  let x: ResolvedAxis
  let y: ResolvedAxis
  let chart: Chart

  private func place(_ point: Series.Point) -> (x: Double, y: Double)? {
    guard chart.x.shows(point.x), chart.y.shows(point.y), let across = x.place(point.x),
      let up = y.clampedPlace(point.y)
    else { return nil }
    return (canvas.x(across), canvas.y(up))
  }

  private func place(_ range: ClosedRange<Double>) -> (low: Double, high: Double)? {
    guard let low = y.clampedPlace(range.lowerBound), let high = y.clampedPlace(range.upperBound) else { return nil }
    return (canvas.y(low), canvas.y(high))
  }

  /// Bands and whiskers.
  mutating func drawSpread(_ series: Series, _ color: Int) {
    let ranged = series.points.map { point in
      point.range.flatMap { range in
        place(point).flatMap { center in place(range).map { (x: center.x, low: $0.low, high: $0.high) } }
      }
    }
    switch series.spread {
    case .band:
      for run in ranged.split(whereSeparator: { $0 == nil }).map({ $0.compactMap { $0 } }) where run.count > 1 {
        let corners = run.map { coordinates($0.x, $0.high) } + run.reversed().map { coordinates($0.x, $0.low) }
        canvas.svg.empty(
          "polygon",
          ["class": "d2-band \(ChartStyle.colorClass(color))", "points": corners.joined(separator: " ")])
      }
    case .whiskers:
      for range in ranged.compactMap({ $0 }) {
        let (x, low, high) = (range.x, range.low, range.high)
        canvas.svg.empty(
          "path",
          [
            "class": "d2-whisker \(ChartStyle.colorClass(color))",
            "d": "M\(coordinates(x, low))V\(coordinate(high))M\(coordinates(x - 3, low))h6"
              + "M\(coordinates(x - 3, high))h6",
          ])
      }
    }
  }

  mutating func draw(_ series: Series, _ color: Int) {
    let points = series.thinned(to: Int(canvas.right - canvas.left))
    switch series.style {
    case .bins(let width): drawBins(series, color, width)
    case .points: drawSymbols(series, points, color)
    case .line, .dashed, .faint:
      let runs = points.map(place).split { $0 == nil }.map { $0.compactMap { $0 } }
      let lines = runs.filter { $0.count > 1 }.map { run in
        "M" + run.map { coordinates($0.x, $0.y) }.joined(separator: "L")
      }
      if !lines.isEmpty {
        let style = series.style == .line ? "d2-line" : series.style == .dashed ? "d2-dashed" : "d2-faint"
        canvas.svg.empty("path", ["class": "\(style) \(ChartStyle.colorClass(color))", "d": lines.joined()])
      }
      if series.hasSymbols {
        drawSymbols(series, points, color)
      } else {
        for run in runs where run.count == 1 { drawDot(run[0], color) }  // no line goes through a point alone
      }
    }
  }

  private mutating func drawDot(_ place: (x: Double, y: Double), _ color: Int) {
    canvas.svg.empty(
      "circle",
      [
        "class": "d2-dot \(ChartStyle.colorClass(color))", "cx": coordinate(place.x), "cy": coordinate(place.y),
        "r": "2.2",
      ])
  }

  private mutating func drawSymbols(_ series: Series, _ points: [Series.Point], _ color: Int) {
    let isCrowded = points.count > 150
    for point in points {
      guard let place = place(point) else { continue }
      if isCrowded {
        drawDot(place, color)
      } else {
        canvas.svg.shape(
          "path",
          [
            "class": "d2-symbol \(ChartStyle.colorClass(color))", "d": ChartStyle.symbol(color, x: place.x, y: place.y),
          ], tooltip: tooltip(series, point))
      }
    }
  }

  private mutating func drawBins(_ series: Series, _ color: Int, _ width: Double) {
    guard let floor = y.clampedPlace(0) else { return }
    for point in series.points {
      guard let top = place(point)?.y, let left = x.clampedPlace(point.x - width / 2),
        let right = x.clampedPlace(point.x + width / 2), point.y != 0
      else { continue }
      let bottom = canvas.y(floor)
      canvas.svg.shape(
        "rect",
        [
          "class": "d2-bin \(ChartStyle.colorClass(color))", "x": coordinate(canvas.x(left)),
          "y": coordinate(min(top, bottom)), "width": coordinate(canvas.x(right) - canvas.x(left)),
          "height": coordinate(abs(bottom - top)),
        ], tooltip: tooltip(series, point))
    }
  }

  private func tooltip(_ series: Series, _ point: Series.Point) -> String {
    func number(_ value: Double) -> String { Quantity.significant(value, digits: 4) }
    var text = series.name.isEmpty ? "" : series.name + ": "
    text += "\(chart.x.label.isEmpty ? "x" : chart.x.label) \(number(point.x)), "
    text += "\(chart.y.label.isEmpty ? "y" : chart.y.label) \(number(point.y))"
    if let range = point.range { text += " (\(number(range.lowerBound)) to \(number(range.upperBound)))" }
    return text
  }

  mutating func drawReferenceLines() {
    for reference in chart.references {
      guard chart.y.shows(reference.y), let place = y.place(reference.y) else { continue }
      canvas.svg.empty(
        "path",
        ["class": "d2-reference", "d": "M\(coordinates(canvas.left, canvas.y(place)))H\(coordinate(canvas.right))"])
    }
    let (low, high) = (max(x.low, y.low), min(x.high, y.high))
    if chart.hasDiagonal, low < high, let left = x.place(low), let right = x.place(high), let bottom = y.place(low),
      let top = y.place(high)
    {
      canvas.svg.empty(
        "path",
        [
          "class": "d2-reference",
          "d": "M\(coordinates(canvas.x(left), canvas.y(bottom)))L\(coordinates(canvas.x(right), canvas.y(top)))",
        ])
    }
  }

  mutating func drawReferenceNames() {
    canvas.referenceNames(
      chart.references.compactMap { reference in
        chart.y.shows(reference.y) ? y.place(reference.y).map { (reference.name, canvas.y($0)) } : nil
      })
  }
}
