// SPDX-License-Identifier: Apache-2.0
extension Table {
  /// One cell of a ``Table``: what people read, and the number behind it.
  public struct Cell: Sendable, Hashable {
    enum Content: Sendable, Hashable {
      case missing
      case text(String)
      case quantity(Quantity, value: Double)
      case measured(mean: Double, spread: Double?, interval: ConfidenceInterval?, decimals: Int)
    }

    var content: Content
    /// Whether it stands out, as the best of its row for instance.
    public var isEmphasized = false

    /// No value: a dash.
    public static var missing: Cell { Cell(content: .missing) }

    /// Text as it is.
    public static func text(_ text: String) -> Cell { Cell(content: .text(text)) }

    /// A number with a fixed count of decimals.
    public static func number(_ value: Double, decimals: Int = 3) -> Cell {
      Cell(content: .quantity(.fixed(value, decimals: decimals), value: value))
    }

    /// A number with four significant digits.
    public static func significant(_ value: Double) -> Cell { Cell(content: .quantity(.number(value), value: value)) }

    /// A whole number.
    public static func count(_ value: Int) -> Cell { Cell(content: .quantity(.count(value), value: Double(value))) }

    /// A share of one, as `62 %`.
    public static func percent(_ share: Double) -> Cell { Cell(content: .quantity(.percent(share), value: share)) }

    /// A size in bytes.
    public static func bytes(_ value: Int) -> Cell { Cell(content: .quantity(.bytes(value), value: Double(value))) }

    /// A time in seconds.
    public static func duration(_ seconds: Double) -> Cell {
      Cell(content: .quantity(.duration(seconds), value: seconds))
    }

    /// `0.113 ± 0.016`: a mean and its standard deviation, given as figures.
    public static func mean(_ mean: Double, spread: Double?, decimals: Int = 3) -> Cell {
      Cell(content: .measured(mean: mean, spread: spread, interval: nil, decimals: decimals))
    }

    /// `0.113 ± 0.016`: mean and sample standard deviation of measurements; a dash for none.
    public static func mean(_ sample: Measurements, decimals: Int = 3) -> Cell {
      guard sample.count > 0 else { return .missing }
      return mean(sample.mean, spread: sample.count > 1 ? sample.standardDeviation : nil, decimals: decimals)
    }

    /// `0.113 [0.095, 0.131]`: a value and its interval.
    public static func interval(_ value: Double, _ interval: ConfidenceInterval, decimals: Int = 3) -> Cell {
      Cell(content: .measured(mean: value, spread: nil, interval: interval, decimals: decimals))
    }

    /// The same cell, standing out.
    public var emphasized: Cell {
      var cell = self
      cell.isEmphasized = true
      return cell
    }

    /// The number behind the cell.
    public var value: Double? {
      switch content {
      case .missing, .text: return nil
      case .quantity(_, let value), .measured(let value, _, _, _): return value
      }
    }

    var isMissing: Bool { content == .missing }

    var spread: Double? {
      if case .measured(_, let spread, _, _) = content { return spread }
      return nil
    }

    var interval: ConfidenceInterval? {
      if case .measured(_, _, let interval, _) = content { return interval }
      return nil
    }

    /// The number alone, as printed.
    var valueText: String {
      switch content {
      case .missing: return "–"
      case .text(let text): return text
      case .quantity(let quantity, _): return quantity.description
      case .measured(let mean, _, _, let decimals): return Quantity.decimals(mean, decimals)
      }
    }

    /// What people read.
    public var text: String {
      guard case .measured(_, let spread, let interval, let decimals) = content else { return valueText }
      var text = valueText
      if let spread { text += " ± " + Quantity.decimals(spread, decimals) }
      if let interval {
        text += " [\(Quantity.decimals(interval.low, decimals)), \(Quantity.decimals(interval.high, decimals))]"
      }
      return text
    }
  }
}

extension Table.Cell: ExpressibleByStringLiteral {
  /// Text as it is.
  public init(stringLiteral value: String) { self = .text(value) }
}
