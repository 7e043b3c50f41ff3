// SPDX-License-Identifier: Apache-2.0
/// State of one piece of work on a progress bar, and the line it makes of it.
struct ProgressState: Sendable {
  var title: String
  var unit: String
  var total: Int?
  var completed: Int
  var fields: [(name: String, value: Quantity)] = []
  let started: Double
  private var estimator: RateEstimator

  init(title: String, unit: String, total: Int?, completed: Int, now: Double) {
    self.title = title.onOneLine
    self.unit = unit
    self.total = total
    self.completed = completed
    started = now
    estimator = RateEstimator(time: now, completed: completed)
  }

  /// The share done, in 0...1; nil if the total is unknown.
  var share: Double? {
    total.map { $0 > 0 ? min(1, Double(completed) / Double($0)) : 1 }
  }

  mutating func move(to completed: Int, now: Double) {
    self.completed = completed
    estimator.record(time: now, completed: completed)
  }

  mutating func set(_ new: KeyValuePairs<String, Quantity>) {
    for (name, value) in new {
      if let index = fields.firstIndex(where: { $0.name == name }) {
        fields[index].value = value
      } else {
        fields.append((name, value))
      }
    }
  }

  /// `155/250`, or the bare count if the total is unknown.
  private var count: String {
    let done = Quantity.count(completed).description
    return total.map { "\(done)/\(Quantity.count($0))" } ?? "\(done) \(units(completed))"
  }

  /// `1 step`, `480 steps`
  private func units(_ count: Int) -> String { count == 1 ? unit : unit + "s" }

  private var remaining: String? {
    guard let total, total > completed, let rate = estimator.rate else { return nil }
    return "ETA " + Quantity.duration(Double(total - completed) / rate).description
  }

  /// A field without a name is its value alone; one without a value is not shown.
  private var fieldTexts: [String] {
    fields.filter { $0.value != .text("") }.map { name, value in
      (name.isEmpty ? "\(value)" : "\(name) \(value)").onOneLine
    }
  }

  /// The line while work goes on, at most `width` columns: what does not fit is left out from the right.
  func line(width: Int, terminal: Terminal, now: Double) -> String {
    let pace = estimator.rate.map { Quantity.rate($0, unit: unit).description }
    let percent = share.map { Quantity.percent(($0 * 100).rounded(.down) / 100).description }
    var details = [percent, count].compactMap { $0 }
    var used = min(title.displayWidth, width / 3) + details.joined(separator: "  ").displayWidth + 4
    // The bar keeps at least ten columns before any detail gets a place.
    for detail in [remaining, pace].compactMap({ $0 }) + fieldTexts {
      guard used + detail.displayWidth + 2 <= width - 12 else { break }
      details.append(detail)
      used += detail.displayWidth + 2
    }
    let text = details.joined(separator: "  ")
    let title = title.truncated(to: max(8, width / 3), mark: terminal.ellipsis)
    let barWidth = min(40, width - title.displayWidth - text.displayWidth - 4)
    guard let share, barWidth >= 5 else { return "\(title)  \(text)".truncated(to: width, mark: "") }
    return "\(terminal.styled(title, .bold))  \(bar(share, barWidth, terminal))  \(text)"
  }

  /// The line where nothing can be drawn over.
  func plainLine(now: Double) -> String {
    let pace = estimator.rate.map { Quantity.rate($0, unit: unit).description }
    let percent = share.map { Quantity.percent(($0 * 100).rounded(.down) / 100).description }
    let details = [percent, count, remaining, pace].compactMap { $0 } + fieldTexts
    return "\(title)  \(details.joined(separator: "  "))"
  }

  /// The line that stays once work has ended.
  ///
  /// - Parameter width: columns that fields may fill; nil: all that there are. A reason is always whole.
  func lastLine(mark: String, reason: String?, now: Double, width: Int?) -> String {
    let elapsed = now - started
    let what =
      Quantity.count(completed).description + (total.map { $0 == completed ? "" : "/\(Quantity.count($0))" } ?? "")
    var text = "\(mark) \(title)  \(what) \(units(total ?? completed))  \(Quantity.duration(elapsed))"
    for field in fieldTexts {
      if let width, text.displayWidth + 2 + field.displayWidth > width { break }
      text += "  " + field
    }
    if let reason { text += ": " + reason.onOneLine }
    return text
  }

  private func bar(_ share: Double, _ width: Int, _ terminal: Terminal) -> String {
    let halves = Int((share * Double(2 * width)).rounded(.down))
    let (full, isHalf) = (halves / 2, halves % 2 == 1)
    guard terminal.hasUnicode else {
      return String(repeating: "#", count: full) + String(repeating: "-", count: width - full)
    }
    let done = String(repeating: "━", count: full) + (isHalf ? "╸" : "")
    let rest = String(repeating: terminal.hasColor ? "━" : "─", count: width - full - (isHalf ? 1 : 0))
    return terminal.styled(done, share < 1 ? .cyan : .green) + terminal.styled(rest, .dim)
  }
}
