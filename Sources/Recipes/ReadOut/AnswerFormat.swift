// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData

/// Which number of an answer is meant.
struct NumberSlot: Hashable, Comparable {
  /// Index of the metric.
  var metric: Int
  /// Which of the metric's numbers in the answer, from 0.
  var place: Int

  static func < (a: NumberSlot, b: NumberSlot) -> Bool { (a.metric, a.place) < (b.metric, b.place) }
}

/// How right answers write one of their numbers: learnt from a run's training answers and stored with the run, so that
/// what is read of an answer does not depend on the lines it comes with.
public struct AnswerFormat: Codable, Sendable, Hashable {
  /// A way to begin: the tokens before the first digit, a sign among them.
  struct Head: Codable, Sendable, Hashable {
    var ids: [Int32]
    var isNegative: Bool
  }

  /// How the digits stand.
  struct Digits: Codable, Sendable, Hashable {
    /// Least and greatest number of digits before and behind the point.
    var integer: [Int], fraction: [Int]
    var leadingZeros: NumberFormat.LeadingZeros
    var point: Int32?
    /// Tokens that may follow a number.
    var ends: [Int32]
  }

  /// Name of the metric whose number is read out, and which of its numbers in an answer, from 0.
  var metric: String
  var place = 0
  /// Whether the number is read after what an answer says before it; else after the prompt, heads being all there is
  /// between the two.
  var followsAnswer = false
  /// At most one without a sign and one for each sign.
  var heads: [Head]
  /// Nil where a number is one token of the metric.
  var digits: Digits?
  /// Nil where numbers are read digit by digit, or are one token of the metric.
  var pieces: Pieces?
  /// Answers that it was learnt from, and how many of them are written like this.
  var answers: Int, written: Int
  /// Least and greatest number of these; nil if it was not learnt.
  var range: [Double]?

  /// Whether it can be used, wherever it comes from.
  var isValid: Bool {
    let isRange = range.map { $0.count == 2 && $0[0] <= $0[1] } ?? true
    return digits?.isValid ?? true && pieces?.values.isValid ?? true && !heads.isEmpty && isRange
      && (0..<Self.mostPlaces).contains(place)
  }

  /// What all answers begin with.
  var before: [Int32] {
    guard let first = heads.first?.ids else { return [] }
    let shared = first.indices.prefix { index in
      heads.allSatisfy { $0.ids.count > index && $0.ids[index] == first[index] }
    }
    return Array(first[..<shared.endIndex])
  }

  /// The ways to write a number after ``before``.
  ///
  /// - Throws: `DecodingError` or `TokenSpaceError` if the metric's tokens cannot write it.
  func space(_ tokens: TokenSpace, _ tokenizer: Tokenizer) throws -> AnswerSpace {
    let shared = before.count
    let beginnings = try heads.map { head in
      AnswerSpace.Beginning(
        ids: Array(head.ids[shared...]), isNegative: head.isNegative,
        numbers: try numbers(tokens, tokenizer, isNegative: head.isNegative))
    }
    return .numbers(after: beginnings)
  }

  /// Numbers behind a head.
  private func numbers(_ tokens: TokenSpace, _ tokenizer: Tokenizer, isNegative: Bool) throws -> AnswerSpace {
    if let pieces { return try pieces.space(tokens, tokenizer) }
    guard let digits else { return try .tokens(of: tokens) }
    return try .numbers(
      NumberFormat(
        digits: tokens, integerDigits: digits.integer[0]...digits.integer[1],
        fractionDigits: digits.fraction[0]...digits.fraction[1], leadingZeros: digits.leadingZeros,
        point: digits.point, ends: digits.ends, bounds: magnitudes(isNegative: isNegative)))
  }

  /// Sizes that a number may have: those of the training answers, with as much room beyond as targets over whole values
  /// have. Nil where the answers are not known.
  private func magnitudes(isNegative: Bool) -> ClosedRange<Double>? {
    guard let digits, let range else { return nil }
    let step = pow(10, Double(-digits.fraction[1]))
    // What the run file says is taken as it is.
    let room = answers == 0 ? 0 : ((range[1] - range[0]) * FormatLearner.room / step).rounded(.up) * step
    let (low, high) = (range[0] < 0 ? range[0] - room : max(0, range[0] - room), range[1] + room)
    return isNegative ? max(0, -high)...max(0, -low) : max(0, low)...max(0, high)
  }

  /// In words: `1 to 3 digits, padded with zeros, after "Price: "`.
  func description(_ tokenizer: Tokenizer) -> String {
    var parts = [String]()
    if let digits {
      func count(_ range: [Int], _ thing: String) -> String {
        let text = range[0] == range[1] ? "\(range[0])" : "\(range[0]) to \(range[1])"
        return "\(text) \(thing)\(range[1] == 1 ? "" : "s")"
      }
      parts.append(count(digits.integer, "digit"))
      if digits.fraction[1] > 0 { parts.append(count(digits.fraction, "decimal")) }
      if digits.leadingZeros != .none { parts.append("filled up with zeros") }
    } else if let values = pieces?.values {
      parts.append(
        "numbers from \(values.text(values.indices.lowerBound)) to \(values.text(values.indices.upperBound))")
    } else {
      parts.append("one token")
    }
    if heads.contains(where: \.isNegative) { parts.append("with a sign") }
    if place > 0 { parts.append("number \(place + 1)") }
    if !before.isEmpty { parts.append("after \"\(tokenizer.decode(before))\"") }
    return parts.joined(separator: ", ")
  }
}

extension AnswerFormat {
  /// As earlier versions stored it, too, without `place` and `followsAnswer`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    metric = try values.decode(String.self, forKey: .metric)
    place = try values.decodeIfPresent(Int.self, forKey: .place) ?? 0
    followsAnswer = try values.decodeIfPresent(Bool.self, forKey: .followsAnswer) ?? false
    heads = try values.decode([Head].self, forKey: .heads)
    digits = try values.decodeIfPresent(Digits.self, forKey: .digits)
    pieces = try values.decodeIfPresent(Pieces.self, forKey: .pieces)
    (answers, written) = (try values.decode(Int.self, forKey: .answers), try values.decode(Int.self, forKey: .written))
    range = try values.decodeIfPresent([Double].self, forKey: .range)
  }
}

extension AnswerFormat.Digits {
  var isValid: Bool {
    func isRange(_ list: [Int]) -> Bool { list.count == 2 && 0 <= list[0] && list[0] <= list[1] }
    return isRange(integer) && isRange(fraction)
  }
}

extension AnswerSpace {
  /// A way to begin, and the numbers behind it.
  fileprivate struct Beginning: Sendable {
    var ids: [Int32]
    var isNegative: Bool
    var numbers: AnswerSpace
  }

  /// Numbers after one of several beginnings.
  fileprivate static func numbers(after all: [Beginning]) -> AnswerSpace {
    AnswerSpace { path in
      var next = [Int32]()
      for head in all where head.ids.count > path.count && head.ids.starts(with: path) {
        if !next.contains(head.ids[path.count]) { next.append(head.ids[path.count]) }
      }
      // `-5` begins with the head of signed numbers, and with the empty one of the others.
      let heads = all.filter { path.starts(with: $0.ids) }
      guard let head = heads.max(by: { $0.ids.count < $1.ids.count }) else { return .tokens(next) }
      switch head.numbers.after(Array(path[head.ids.count...])) {
      case .value(let value): return .value(head.isNegative ? -value : value)
      case .tokens(let tokens): return .tokens(tokens + next.filter { !tokens.contains($0) })
      }
    }
  }
}
