// SPDX-License-Identifier: Apache-2.0
/// Bars over named categories: a target over its candidates, a score for each benchmark.
public struct BarChart: Figure, Hashable {
  /// Bars of one colour, one for each category.
  public struct Group: Sendable, Hashable {
    /// Name in the legend.
    public var name: String
    /// A value for each category; not finite: no bar.
    public var values: [Double]
    /// Range of each value; empty: nothing is known.
    public var ranges: [ClosedRange<Double>?]

    /// Memberwise.
    public init(_ name: String, _ values: [Double], ranges: [ClosedRange<Double>?] = []) {
      precondition(ranges.isEmpty || ranges.count == values.count, "\(ranges.count) ranges for \(values.count) values")
      self.name = name
      self.values = values
      self.ranges = ranges
    }

    func range(_ index: Int) -> ClosedRange<Double>? { ranges.isEmpty ? nil : ranges[index] }
  }

  /// Name.
  public var title: String
  /// Further remarks.
  public var subtitle: String
  /// Names of the categories, from the left.
  public var categories: [String]
  /// Meaning of the categories.
  public var categoryLabel: String
  /// Vertical axis; always shows 0.
  public var y: Axis
  /// The bars; side by side inside each category.
  public var groups: [Group]
  /// Values to compare with.
  public var references: [ReferenceLine]

  /// Memberwise. Every group needs a value for each category.
  public init(
    _ title: String, subtitle: String = "", categories: [String], categoryLabel: String = "", y: Axis = Axis(),
    groups: [Group], references: [ReferenceLine] = []
  ) {
    precondition(groups.allSatisfy { $0.values.count == categories.count }, "a value for each category")
    self.title = title
    self.subtitle = subtitle
    self.categories = categories
    self.categoryLabel = categoryLabel
    self.y = y
    self.groups = groups
    self.references = references
  }

  /// The chart as SVG.
  public func svg(standalone: Bool = false) -> String {
    var vertical = y
    (vertical.includesZero, vertical.scale) = (true, .linear)
    let values = groups.flatMap { group in
      group.values + group.ranges.compactMap { $0 }.flatMap { [$0.lowerBound, $0.upperBound] }
    }
    let axis = vertical.resolved(for: values + references.map(\.y), marks: 5)
    let edge = ChartCanvas.left(of: axis), right = ChartCanvas().right
    let slot = (right - edge) / Double(max(1, categories.count))
    // Long names that do not fit side by side lean; of short ones, every so many is shown.
    let longest = min(Self.longestName, categories.map(\.estimatedEms).max() ?? 0)
    let lean = longest > 3 && longest * 12 > slot - 6
    var canvas = ChartCanvas()
    canvas.heading(title.onOneLine, subtitle.onOneLine)
    canvas.legend(groups.enumerated().map { .init(name: $1.name, color: $0, swatch: .box) })
    canvas.axes(
      vertical: axis, verticalLabel: y.label, horizontalLabel: categoryLabel,
      marksHeight: lean ? 14 + longest * 12 * 0.66 : 18,
      leastLeft: lean ? leastLeft(right) : 0)
    if values.allSatisfy({ !$0.isFinite }) || groups.isEmpty { canvas.emptyNote() }
    for index in categories.indices { drawCategory(index, axis, lean, in: &canvas) }
    for reference in references { drawReference(reference, axis, in: &canvas) }
    canvas.referenceNames(references.compactMap { line in axis.place(line.y).map { (line.name, canvas.y($0)) } })
    return canvas.document(title: title, description: description, standalone: standalone)
  }

  /// Ems of a leaning name that are shown.
  private static let longestName = 11.0

  /// Where the plot begins at the least, so that no name leans out of the page: the name of a share `f` of the plot's width
  /// begins at left + f · (right − left) − its own width. Some systems' fonts are wider than is reckoned with.
  private func leastLeft(_ right: Double) -> Double {
    let needs = categories.enumerated().map { index, name in
      let share = (Double(index) + 0.5) / Double(categories.count)
      return (min(Self.longestName, name.estimatedEms) * 12 * 0.95 - share * right) / (1 - share)
    }
    return needs.max() ?? 0
  }

  private func drawCategory(_ index: Int, _ axis: ResolvedAxis, _ lean: Bool, in canvas: inout ChartCanvas) {
    let slot = (canvas.right - canvas.left) / Double(categories.count)
    let start = canvas.left + Double(index) * slot
    let gap = min(12, slot * 0.2)
    let width = min(64, (slot - gap) / Double(max(1, groups.count)))
    for (color, group) in groups.enumerated() {
      let value = group.values[index]
      let x = start + (slot - width * Double(groups.count)) / 2 + Double(color) * width
      guard value.isFinite, let top = axis.clampedPlace(value), let floor = axis.clampedPlace(0) else {
        drawMissing(x + width / 2, width: width, axis, in: &canvas)
        continue
      }
      let (from, to) = (canvas.y(floor), canvas.y(top))
      let tooltip = "\(group.name) \(categories[index]): \(Quantity.significant(value, digits: 4))"
      canvas.svg.shape(
        "rect",
        [
          "class": "d2-bar \(ChartStyle.colorClass(color))", "x": coordinate(x), "y": coordinate(min(from, to)),
          "width": coordinate(max(0.5, width - 1)), "height": coordinate(abs(to - from)),
          "rx": coordinate(min(1.5, width / 4)),
        ], tooltip: tooltip)
      if let range = group.range(index), let low = axis.clampedPlace(range.lowerBound),
        let high = axis.clampedPlace(range.upperBound)
      {
        canvas.svg.empty(
          "path",
          [
            "class": "d2-error",
            "d": "M\(coordinates(x + (width - 1) / 2, canvas.y(low)))V\(coordinate(canvas.y(high)))",
          ])
      }
    }
    drawName(index, center: start + slot / 2, slot, lean, in: &canvas)
  }

  /// Tells a value that is missing from one that is 0.
  private func drawMissing(_ x: Double, width: Double, _ axis: ResolvedAxis, in canvas: inout ChartCanvas) {
    guard let floor = axis.clampedPlace(0) else { return }
    let y = coordinate(canvas.y(floor) + (floor > 0.9 ? 14 : -5))
    // The words would run into those of the next bar.
    let text = width < 22 ? "–" : "n/a"
    canvas.svg.element("text", ["x": coordinate(x), "y": y, "text-anchor": "middle"], text: text)
  }

  private func drawName(_ index: Int, center: Double, _ slot: Double, _ lean: Bool, in canvas: inout ChartCanvas) {
    let longest = min(40, categories.map(\.estimatedEms).max() ?? 0)
    let every = max(1, Int(((lean ? 16 : longest * 12 + 6) / slot).rounded(.up)))
    guard index % every == 0 else { return }
    let (x, y) = (coordinate(center), coordinate(canvas.bottom + (lean ? 12 : 17)))
    // Names such as those of variants differ at their ends.
    let name = categories[index].onOneLine.fitted(ems: lean ? Self.longestName : 40, keepingEnd: true)
    if lean {
      canvas.svg.element(
        "text", ["x": x, "y": y, "text-anchor": "end", "transform": "rotate(-35 \(x) \(y))"], text: name)
    } else {
      canvas.svg.element("text", ["x": x, "y": y, "text-anchor": "middle"], text: name)
    }
  }

  private func drawReference(_ reference: ReferenceLine, _ axis: ResolvedAxis, in canvas: inout ChartCanvas) {
    guard let place = axis.place(reference.y) else { return }
    let y = canvas.y(place)
    canvas.svg.empty(
      "path", ["class": "d2-reference", "d": "M\(coordinates(canvas.left, y))H\(coordinate(canvas.right))"])
  }

  /// Text for those who do not see the chart.
  private var description: String {
    groups.map { group in
      let values = zip(categories, group.values).prefix(40).map { "\($0) \(Quantity.significant($1, digits: 4))" }
      let rest = categories.count > 40 ? ", …" : ""
      return "\(group.name): \(values.joined(separator: ", "))\(rest)."
    }.joined(separator: " ")
  }
}
