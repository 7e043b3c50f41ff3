// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import TokenData

/// A number of a metric in an answer, as tokens.
struct WrittenNumber {
  /// Tokens between the prompt and the number's first digit (or point).
  var head: [Int32]
  /// How many of the last of these are white space or a sign: the number may begin otherwise there.
  var opening = 0
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

  /// A number's place in the answer, and what it is or why it cannot be read.
  typealias Entry = (slot: NumberSlot, number: Result<WrittenNumber, Problem>)

  /// The numbers of an answer, each metric's first among them even where there is none.
  ///
  /// - Throws: `InputError` for a record that cannot be encoded.
  static func all(of record: Record, _ encoder: ExampleEncoder) throws -> [Entry] {
    try ExampleEncoder.checkCut(record)
    let question = try encoder.question(record).ids, analysis = try encoder.analyze(record)
    let fits = analysis.example.ids.starts(with: question)
    let readable = encoder.metrics.indices.filter { encoder.metrics[$0].finder.space.writesNumbers }
    return readable.flatMap { metric -> [Entry] in
      let found = analysis.found[metric].filter { found in
        (found.positions.first?.position ?? found.uncovered.first).map { $0 >= question.count } ?? false
      }
      guard fits, !found.isEmpty else {
        return [(NumberSlot(metric: metric, place: 0), .failure(fits ? .none : .otherPrompt))]
      }
      return found.prefix(AnswerFormat.mostPlaces).enumerated().map { place, number in
        (
          NumberSlot(metric: metric, place: place),
          written(number, encoder.metrics[metric], encoder.tokenizer, analysis, after: question.count)
        )
      }
    }
  }

  private static func written(
    _ found: FoundMetric, _ rule: MetricRule, _ tokenizer: Tokenizer, _ analysis: ExampleAnalysis, after prompt: Int
  ) -> Result<WrittenNumber, Problem> {
    guard found.uncovered.isEmpty, let first = found.positions.first, let last = found.positions.last else {
      return .failure(.uncovered)
    }
    let ids = analysis.example.ids, next = min(last.position + 1, ids.count - 1)
    var written = WrittenNumber(
      head: Array(ids[prompt..<first.position]), ids: Array(ids[first.position...next]),
      count: last.position + 1 - first.position, value: 0)
    if rule.finder.space.unit == .piece, let number = found.number {
      written.value = number.value
      written.text = number.plainText
      return .success(written)
    }
    if rule.finder.space.unit == .digit, let number = found.number {
      written.value = number.value
      let places = found.positions.map { $0.position - first.position }
      switch written.readDigits(of: number, at: places, analysis) {
      case .success(let number): written = number
      case .failure(let problem): return .failure(problem)
      }
    } else {
      guard found.positions.count == 1, let values = rule.finder.space.values else { return .failure(.severalTokens) }
      written.value = values[first.candidate]
    }
    if let last = written.head.last, tokenizer.decode([last]).opensNumber { written.opening = 1 }
    return .success(written)
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

extension String {
  /// Whether it is white space, a sign, or both.
  fileprivate var opensNumber: Bool {
    ["", "-", "+", "\u{2212}"].contains(trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
