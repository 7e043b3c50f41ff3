import MetricTokens
import TokenData

/// The first number of a metric in a right answer, as tokens.
struct WrittenNumber {
  /// Tokens between the prompt and the number's first digit (or point).
  var head: [Int32]
  /// The sign among them.
  var sign: Unicode.Scalar?
  /// Tokens from the first digit on, with the one that follows the number.
  var ids: [Int32]
  /// How many of those are the number's.
  var count: Int
  var value: Double
  /// Digits before and behind the point; 0 for single tokens.
  var integer = 0, fraction = 0
  var hasLeadingZero = false
  var point: Int32?
  /// As a format writes it; "" where its tokens are not looked at as text.
  var text = ""

  /// Why a number has no such form.
  enum Problem: String, Error {
    case none = "no number of the metric"
    case otherPrompt = "an answer whose prompt is written otherwise"
    case severalTokens = "numbers of several tokens, where the metric's space is not digits"
    case uncovered = "digits that are no tokens of their own"
    case separators = "separators between digits"
    case long = "numbers of more digits than a double tells apart"
  }

  /// - Parameters:
  ///   - rule: the metric, an entry of the encoder's metrics.
  ///   - index: which.
  static func first(
    of record: Record, _ encoder: ExampleEncoder, _ rule: MetricRule, _ index: Int
  ) throws -> Result<WrittenNumber, Problem> {
    let question = try encoder.question(record).ids, analysis = try encoder.analyze(record)
    let ids = analysis.example.ids
    guard ids.starts(with: question) else { return .failure(.otherPrompt) }
    let found = analysis.found[index].first { found in
      (found.positions.first?.position ?? found.uncovered.first).map { $0 >= question.count } ?? false
    }
    guard let found else { return .failure(.none) }
    guard found.uncovered.isEmpty, let first = found.positions.first, let last = found.positions.last else {
      return .failure(.uncovered)
    }
    let next = min(last.position + 1, ids.count - 1)
    var written = WrittenNumber(
      head: Array(ids[question.count..<first.position]), ids: Array(ids[first.position...next]),
      count: last.position + 1 - first.position, value: 0)
    if rule.finder.space.unit == .piece, let number = found.number {
      written.value = number.value
      written.text = number.plainText
      return .success(written)
    }
    guard rule.finder.space.unit == .digit, let number = found.number else {
      guard found.positions.count == 1, let values = rule.finder.space.values else { return .failure(.severalTokens) }
      written.value = values[first.candidate]
      return .success(written)
    }
    written.value = number.value
    return written.readDigits(of: number, at: found.positions.map { $0.position - first.position }, analysis)
  }

  /// - Parameter places: where its digits stand in `ids`.
  private func readDigits(
    of number: ParsedNumber, at places: [Int], _ analysis: ExampleAnalysis
  ) -> Result<WrittenNumber, Problem> {
    var written = self
    written.fraction = -number.exponent
    written.integer = number.digits.count - written.fraction
    guard number.digits.count <= 15 else { return .failure(.long) }
    guard places.count == number.digits.count else { return .failure(.uncovered) }
    written.hasLeadingZero = written.integer > 1 && number.digits[0] == 0
    // Between the digits stands the point, or nothing.
    let gaps = (0..<written.count).filter { !places.contains($0) }
    if written.integer == 0, let point = written.head.popLast() {
      guard gaps.isEmpty else { return .failure(.separators) }
      written.point = point
      written.ids.insert(point, at: 0)
      written.count += 1
    } else {
      guard gaps == (written.fraction > 0 ? [written.integer] : []) else { return .failure(.separators) }
      written.point = gaps.first.map { written.ids[$0] }
    }
    let scalars = Array(analysis.text.unicodeScalars)
    if scalars.indices.contains(number.range.lowerBound) {
      let scalar = scalars[number.range.lowerBound]
      written.sign = ["-", "+", "\u{2212}"].contains(scalar) ? scalar : nil
    }
    return .success(written)
  }
}
