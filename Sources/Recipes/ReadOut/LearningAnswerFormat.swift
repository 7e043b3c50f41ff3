import Evaluation
import Files
import Foundation
import MetricTokens
import TokenData

extension AnswerFormat {
  /// Answers that a format is learnt from at most, spread evenly over a file.
  static let most = 20_000

  /// Learns how the training answers of a run write the first number of its first metric with values.
  ///
  /// - Returns: nil if no metric has values.
  /// - Throws: `InputError` if they write it in ways that have no common form, with two of them.
  static func learn(_ parts: RunParts, from path: String) throws -> AnswerFormat? {
    let encoder = parts.readingEncoder
    guard let index = encoder.metrics.firstIndex(where: { $0.finder.space.writesNumbers }) else { return nil }
    let rule = encoder.metrics[index], file = try JSONLFile(path), reader = parts.reader
    var written = [(line: Int, number: WrittenNumber)](), problems = [(line: Int, problem: WrittenNumber.Problem)]()
    for line in stride(from: 0, to: file.count, by: max(1, (file.count + most - 1) / most)) {
      // Lines that could not be used are no part of it.
      guard let record = try? reader.record(file, line),
        let result = try? WrittenNumber.first(of: record, encoder, rule, index)
      else { continue }
      switch result {
      case .success(let number): written.append((file.lineNumber(line), number))
      case .failure(let problem): problems.append((file.lineNumber(line), problem))
      }
    }
    let all = written.count + problems.count
    func refusal(_ expected: String, _ found: String, _ remedy: String) -> InputError {
      InputError(
        path: path, place: "metric \(parts.settings.metrics[index].name)", expected: expected, found: found,
        remedy: remedy + " Or set evaluate.distribution to false, or say how numbers are written: evaluate.number.")
    }
    guard Double(written.count) >= mostlyAll * Double(all), !written.isEmpty else {
      throw refusal(
        "answers with a number that can be read out",
        problems.first.map {
          "\(problems.count) of \(all) without, the first on line \($0.line): \($0.problem.rawValue)"
        }
          ?? "no answers",
        "Numbers are read out where they are written digit by digit (`tokens: digits`) or as one token.")
    }
    let pieces = try rule.finder.space.unit == .piece ? Pieces(parts, rule, index, path, &written) : nil
    guard !written.isEmpty else {
      throw refusal(
        "numbers as the run's format has them, in tokens of their own", "none of \(all)", "See dist2 inspect.")
    }
    let heads = mostCommonHeads(written.map(\.number))
    let fitting = written.filter { heads.contains($0.number.asHead) }
    guard Double(fitting.count) >= mostlyAll * Double(all) else {
      let other = written.first { !heads.contains($0.number.asHead) }, first = fitting[0]
      func shown(_ entry: (line: Int, number: WrittenNumber)) -> String {
        "\"\(parts.tokenizer.decode(entry.number.head))\" (line \(entry.line))"
      }
      throw refusal(
        "the same text before the number in all answers",
        ([shown(first)] + (other.map { [shown($0)] } ?? [])).joined(separator: " and "),
        "The distribution is read out after text that all answers share.")
    }
    var format = AnswerFormat(
      metric: parts.settings.metrics[index].name, heads: heads, digits: nil, answers: all, written: fitting.count)
    if rule.finder.space.unit == .digit {
      format.digits = Digits(
        fitting.map(\.number), digits: rule.finder.space, stops: parts.encoder.ends.starts(parts.tokenizer))
    }
    if var pieces {
      pieces.ends = pieces.ends(after: fitting.map(\.number), rule.finder.space, parts)
      format.pieces = pieces
    } else {
      let space = try format.space(rule.finder.space, parts.tokenizer), shared = format.before.count
      format.written = fitting.count {
        space.reaches($0.number.value, by: Array($0.number.head[shared...]) + $0.number.ids)
      }
    }
    let values = fitting.map(\.number.value)
    format.range = values.min().flatMap { low in values.max().map { [low, $0] } }
    return format
  }

  /// The share of answers that must have a form for it to be called theirs.
  private static let mostlyAll = 0.95

  /// The most common beginning of numbers with each sign, and without.
  private static func mostCommonHeads(_ numbers: [WrittenNumber]) -> [Head] {
    let groups = Dictionary(grouping: numbers, by: \.sign)
    let heads = groups.values.compactMap { group -> (head: Head, count: Int)? in
      let counts = Dictionary(grouping: group, by: \.asHead).mapValues(\.count)
      return counts.max { ($0.value, $1.key.ids.count) < ($1.value, $0.key.ids.count) }.map { ($0.key, group.count) }
    }
    return heads.sorted { ($0.count, $1.head.ids.count) > ($1.count, $0.head.ids.count) }.map(\.head)
  }
}

extension WrittenNumber {
  var asHead: AnswerFormat.Head { AnswerFormat.Head(ids: head, isNegative: sign == "-" || sign == "\u{2212}") }
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
