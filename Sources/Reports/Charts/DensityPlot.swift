// SPDX-License-Identifier: Apache-2.0
/// Distributions of one number in characters, a line each over one scale, with a mark at the true value.
///
///     sft         ▂▁▂▄▇█▅▃▁▂▁
///     valueDrawn      ▁▄█▇▂
///                      ▲ 514
public struct DensityPlot: Sendable, Hashable {
  /// A distribution.
  public struct Row: Sendable, Hashable {
    /// Name.
    public var name: String
    /// Values that hold equal shares of it.
    public var atoms: [Double]

    /// Memberwise.
    public init(_ name: String, _ atoms: [Double]) { (self.name, self.atoms) = (name, atoms) }
  }

  /// Both ends of the scale; what lies beyond is shown at the ends.
  public var range: ClosedRange<Double>
  /// The true value.
  public var truth: Double
  /// The distributions, from the top.
  public var rows: [Row]

  /// Memberwise.
  public init(range: ClosedRange<Double>, truth: Double, rows: [Row]) {
    (self.range, self.truth, self.rows) = (range, truth, rows)
  }

  /// The lines, each ended.
  ///
  /// - Parameter width: columns of the scale; nil: what an 80-column terminal has.
  public func text(terminal: Terminal, width: Int? = nil) -> String {
    let margin = (rows.map(\.name.count).max() ?? 0) + 4
    let width = max(10, width ?? min(terminal.size().columns, 80) - margin - 2)
    let levels = Array(terminal.hasUnicode ? " ▁▂▃▄▅▆▇█" : " .:-=+*#@")
    // One height for all, so that a narrow distribution is seen to be higher than a wide one.
    let shares = rows.map { self.shares(of: $0.atoms, columns: width) }
    let most = shares.joined().max() ?? 0
    let lines = zip(rows, shares).map { row, shares in
      let bars = shares.map { share -> Character in
        guard share > 0, most > 0 else { return " " }
        return levels[max(1, Int((share / most * Double(levels.count - 1)).rounded()))]  // bounded: shares of the most
      }
      return "  " + row.name.padded(to: margin - 2, .left) + String(bars)
    }
    let number = "\(Quantity.number(truth))", column = self.column(of: truth, columns: width)
    let mark = String(repeating: " ", count: margin + column) + (terminal.hasUnicode ? "▲" : "^") + " " + number
    return (lines.map { $0.trimmingTrailingSpaces } + [terminal.styled(mark, .bold)]).map { $0 + "\n" }.joined()
  }

  private func column(of value: Double, columns: Int) -> Int {
    let share = (value - range.lowerBound) / max(range.upperBound - range.lowerBound, .leastNormalMagnitude)
    return min(columns - 1, max(0, Int(min(max(share, 0), 1) * Double(columns))))  // bounded: a share of the columns
  }

  private func shares(of atoms: [Double], columns: Int) -> [Double] {
    var shares = [Double](repeating: 0, count: columns)
    for atom in atoms where atom.isFinite { shares[column(of: atom, columns: columns)] += 1 / Double(atoms.count) }
    return shares
  }
}
