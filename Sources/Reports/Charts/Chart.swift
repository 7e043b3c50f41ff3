// SPDX-License-Identifier: Apache-2.0
/// An image drawn as SVG.
public protocol Figure: Sendable {
  /// Name.
  var title: String { get }
  /// An `<svg>` element.
  ///
  /// - Parameter standalone: whether it carries its own style sheet (a file of its own) or that of a report's page.
  func svg(standalone: Bool) -> String
}

/// Lines, points or bars over two numeric axes.
///
///     Chart("MAE by training problems", x: Axis("N"), y: Axis("MAE"),
///           series: [Series("dist", means: cells)], references: [ReferenceLine("floor", y: 0.159)])
public struct Chart: Figure, Hashable {
  /// Name.
  public var title: String
  /// Further remarks.
  public var subtitle: String
  /// Horizontal axis.
  public var x: Axis
  /// Vertical axis.
  public var y: Axis
  /// Drawn elements; later ones over earlier ones.
  public var series: [Series]
  /// Values to compare with.
  public var references: [ReferenceLine]
  /// Whether the line y = x is drawn: where predictions would be perfect.
  public var hasDiagonal: Bool

  /// Memberwise.
  public init(
    _ title: String, subtitle: String = "", x: Axis = Axis(), y: Axis = Axis(), series: [Series],
    references: [ReferenceLine] = [], hasDiagonal: Bool = false
  ) {
    self.title = title
    self.subtitle = subtitle
    self.x = x
    self.y = y
    self.series = series
    self.references = references
    self.hasDiagonal = hasDiagonal
  }

  /// The points that have a place on both axes.
  func drawable(_ series: Series) -> [Series.Point] {
    series.points.filter { x.shows($0.x) && y.shows($0.y) }
  }

  /// How many points have no place: not finite, or not positive on a logarithmic axis.
  var omitted: Int {
    series.reduce(0) { $0 + $1.points.count - drawable($1).count }
  }

  /// Both axes, settled for all series and references.
  func resolvedAxes(xMarks: Int, yMarks: Int) -> (x: ResolvedAxis, y: ResolvedAxis) {
    var (xs, ys): ([Double], [Double]) = ([], references.map(\.y))
    var (isTight, startsAtZero) = (true, y.includesZero)
    for one in series {
      let points = drawable(one)
      xs += points.map(\.x)
      ys += points.map(\.y)
      ys += points.compactMap(\.range).flatMap { [$0.lowerBound, $0.upperBound] }
      switch one.style {
      case .bins(let width):
        xs += points.flatMap { [$0.x - width / 2, $0.x + width / 2] }
        startsAtZero = true
      case .points: isTight = false
      case .line, .dashed, .faint: break
      }
    }
    var vertical = y
    vertical.includesZero = startsAtZero
    return (x.resolved(for: xs, marks: xMarks, nice: !isTight), vertical.resolved(for: ys, marks: yMarks))
  }

  /// The palette index of each series.
  var colors: [Int] {
    var next = 0
    return series.map { series in
      if let color = series.color { return color }
      defer { next += 1 }
      return next
    }
  }
}
