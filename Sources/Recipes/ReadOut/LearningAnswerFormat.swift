// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData

extension AnswerFormat {
  /// Answers that a format is learnt from at most, spread evenly over a file.
  static let most = 20_000

  /// Numbers of a metric in one answer that are looked at.
  static let mostPlaces = 64

  /// Learns how the training answers of a run write their numbers: one format for each number that nearly all answers
  /// have, the first of the first metric with values among them.
  ///
  /// - Returns: in order of metric and place; none if no metric has values.
  /// - Throws: `InputError` if the first number is written in ways that have no common form, with two of them.
  static func learn(_ artifacts: RunArtifacts, from source: DataSource) throws -> [AnswerFormat] {
    let encoder = artifacts.readingEncoder
    guard let first = encoder.metrics.firstIndex(where: { $0.finder.space.writesNumbers }) else { return [] }
    let file = try DataFiles(source), reader = artifacts.reader
    var seen = [NumberSlot: WrittenAnswers](), answers = 0
    for line in stride(from: 0, to: file.count, by: max(1, (file.count + most - 1) / most)) {
      // Lines that could not be used are no part of it.
      guard let record = try? reader.record(file, line), let numbers = try? WrittenNumber.all(of: record, encoder)
      else { continue }
      answers += 1
      for (slot, number) in numbers { seen[slot, default: WrittenAnswers()].add(number, line: file.lineNumber(line)) }
    }
    let main = NumberSlot(metric: first, place: 0)
    return try ([main] + seen.keys.filter { $0 != main }).sorted().compactMap { slot in
      do { return try format(slot, seen[slot] ?? WrittenAnswers(), of: answers, artifacts, source) } catch
        where slot != main
      {
        // Not all answers have as many, or write them alike.
        return nil
      }
    }
  }

  private static func format(
    _ slot: NumberSlot, _ seen: WrittenAnswers, of all: Int, _ artifacts: RunArtifacts, _ source: DataSource
  ) throws -> AnswerFormat {
    let tokens = artifacts.readingEncoder.metrics[slot.metric].finder.space
    var written = seen.numbers
    func refusal(_ expected: String, _ found: String, _ remedy: String) -> InputError {
      InputError(
        path: source.path, place: "metric \(artifacts.settings.metrics[slot.metric].name)", expected: expected,
        found: found,
        remedy: remedy + " Or set evaluate.distribution to false, or say how numbers are written: evaluate.number.")
    }
    guard Double(written.count) >= mostlyAll * Double(all), !written.isEmpty else {
      throw refusal(
        "answers with a number that can be read out",
        seen.problems.first.map {
          "\(seen.problems.count) of \(all) without, the first on line \($0.line): \($0.problem.rawValue)"
        }
          ?? "no answers",
        "Numbers are read out where they are written digit by digit (`tokens: digits`) or as one token.")
    }
    let pieces =
      try tokens.unit == .piece
      ? Pieces(artifacts, artifacts.readingEncoder.metrics[slot.metric], slot.metric, source, &written) : nil
    guard !written.isEmpty else {
      throw refusal(
        "numbers as the run's format has them, in tokens of their own", "none of \(all)", "See dist2 inspect.")
    }
    // After the prompt where all answers begin alike; else after what an answer says before the number.
    func isEnough(_ numbers: [WrittenNumber]) -> Bool { Double(numbers.count) >= mostlyAll * Double(all) }
    var (heads, fitting) = Self.heads(written.map(\.number), followsAnswer: false)
    // What stands before tokens of several digits changes them: such numbers are read after the prompt alone.
    let followsAnswer = !isEnough(fitting) && pieces == nil
    if followsAnswer { (heads, fitting) = Self.heads(written.map(\.number), followsAnswer: true) }
    guard isEnough(fitting) else {
      let other = written.first { !heads.contains($0.number.head(true)) }
      func shown(_ entry: (line: Int, number: WrittenNumber)) -> String {
        "\"\(artifacts.tokenizer.decode(entry.number.head))\" (line \(entry.line))"
      }
      throw refusal(
        "numbers that begin alike in all answers",
        [written.first, other].compactMap { $0.map(shown) }.joined(separator: " and "),
        "The distribution is read out after text that all answers share.")
    }
    var format = AnswerFormat(
      metric: artifacts.settings.metrics[slot.metric].name, place: slot.place, followsAnswer: followsAnswer,
      heads: heads,
      digits: nil, answers: all, written: fitting.count)
    if tokens.unit == .digit {
      format.digits = Digits(fitting, digits: tokens, stops: artifacts.encoder.ends.starts(artifacts.tokenizer))
    }
    if var pieces {
      pieces.ends = pieces.ends(after: fitting, tokens, artifacts)
      format.pieces = pieces
    } else {
      let space = try format.space(tokens, artifacts.tokenizer), shared = format.before.count
      format.written = fitting.count {
        space.reaches($0.value, by: Array($0.head(followsAnswer).ids[shared...]) + $0.ids)
      }
    }
    let values = fitting.map(\.value)
    format.range = values.min().flatMap { low in values.max().map { [low, $0] } }
    return format
  }

  /// The share of answers that must have a form for it to be called theirs.
  private static let mostlyAll = 0.95

  /// The most common beginning of numbers with each sign, and without; and the numbers that begin so.
  private static func heads(
    _ numbers: [WrittenNumber], followsAnswer: Bool
  ) -> (heads: [Head], fitting: [WrittenNumber]) {
    let groups = Dictionary(grouping: numbers, by: \.sign)
    let common = groups.values.compactMap { group -> (head: Head, count: Int)? in
      let counts = Dictionary(grouping: group) { $0.head(followsAnswer) }.mapValues(\.count)
      return counts.max { ($0.value, $1.key.ids.count) < ($1.value, $0.key.ids.count) }.map { ($0.key, group.count) }
    }
    let heads = common.sorted { ($0.count, $1.head.ids.count) > ($1.count, $0.head.ids.count) }.map(\.head)
    return (heads, numbers.filter { heads.contains($0.head(followsAnswer)) })
  }
}

/// What training answers have of one number.
private struct WrittenAnswers {
  var numbers = [(line: Int, number: WrittenNumber)]()
  var problems = [(line: Int, problem: WrittenNumber.Problem)]()

  mutating func add(_ result: Result<WrittenNumber, WrittenNumber.Problem>, line: Int) {
    switch result {
    case .success(let number): numbers.append((line, number))
    case .failure(let problem): problems.append((line, problem))
    }
  }
}

extension WrittenNumber {
  /// How it begins: after the prompt, or after what stands before its sign.
  func head(_ followsAnswer: Bool) -> AnswerFormat.Head {
    AnswerFormat.Head(
      ids: followsAnswer ? Array(head.suffix(opening)) : head, isNegative: sign == "-" || sign == "\u{2212}")
  }
}

extension AnswerFormat.Digits {
  /// - Parameter stops: tokens that end any answer.
  init(_ numbers: [WrittenNumber], digits: TokenSpace, stops: [Int32]) {
    let widths = numbers.map(\.integer), fractions = numbers.map(\.fraction)
    let (least, most) = (widths.min() ?? 1, widths.max() ?? 1)
    let padded = numbers.filter(\.hasLeadingZero)
    leadingZeros = padded.isEmpty ? .none : padded.allSatisfy { $0.integer == least } ? .padding : .any
    // Plain numbers of one length may have fewer digits all the same.
    integer = [leadingZeros == .padding ? least : min(least, 1), most]
    fraction = [fractions.min() ?? 0, fractions.max() ?? 0]
    let points = Dictionary(grouping: numbers.compactMap(\.point)) { $0 }
    point = points.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
    let after = numbers.compactMap { $0.ids.count > $0.count ? $0.ids[$0.count] : nil }
    let mark = point
    ends = Set(stops + after).filter { $0 != mark && digits.candidate(of: $0) == nil }.sorted()
  }
}

extension AnswerSpace {
  /// Whether these tokens, or the first of them, write this value.
  func reaches(_ value: Double, by ids: [Int32]) -> Bool {
    for count in 0...ids.count {
      switch after(Array(ids[..<count])) {
      case .value(let found): return found == value
      case .tokens(let next): guard count < ids.count, next.contains(ids[count]) else { return false }
      }
    }
    return false
  }
}
