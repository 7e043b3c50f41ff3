// SPDX-License-Identifier: Apache-2.0
/// Which of a number's tokens is meant where a vocabulary has one without and one with a leading space.
public enum Spacing: String, Sendable, Hashable, Codable, CaseIterable {
  /// `5`
  case plain
  /// ` 5` (`Ġ5`, `▁5`)
  case spaced

  func text(_ digits: String) -> String { self == .plain ? digits : " " + digits }
}

/// What becomes of several tokens with one value: `0`, `00`, `000`, and ` 0` beside `0` (docs/paper-map.md Q8).
public enum Duplicates: String, Sendable, Hashable, Codable, CaseIterable {
  /// Only the canonical string is a candidate; an answer's `00` is learnt by cross entropy alone.
  case dropped
  /// All are candidates, the target gives mass to the canonical one only.
  case massless
  /// All are candidates and share the mass of their value evenly.
  case shared
}

extension TokenSpace {
  /// The ten digits, for numbers written digit by digit. ``DigitSplitter`` makes any tokenizer write them so.
  ///
  /// - Throws: `TokenSpaceError` naming the first digit that is not a token.
  public static func digits(
    of vocabulary: any TokenVocabulary, spacing: Spacing = .plain, name: String = "digits"
  ) throws -> TokenSpace {
    let texts = (0...9).map { spacing.text(String($0)) }
    let found = TokenTexts(texts, in: vocabulary)
    let ids = try texts.map { text in
      guard let id = found.existing(text) else {
        throw TokenSpaceError(
          space: name, problem: "the vocabulary has no token \(quoted(text))",
          remedy: spacing == .spaced ? "Use plain digits." : "Choose numbers or bins that it has.")
      }
      return id
    }
    return try TokenSpace(name: name, unit: .digit, ids: ids, values: (0...9).map(Double.init))
  }

  /// The characters that numbers are written with: the ten digits, then the point and the minus sign.
  ///
  /// - Throws: `TokenSpaceError` naming the first that is not a token.
  public static func characters(of vocabulary: any TokenVocabulary, name: String = "value") throws -> TokenSpace {
    let texts = (0...9).map(String.init) + [".", "-"]
    let found = TokenTexts(texts, in: vocabulary)
    let ids = try texts.map { text in
      guard let id = found.existing(text) else {
        throw TokenSpaceError(
          space: name, problem: "the vocabulary has no token \(quoted(text))",
          remedy: "Choose targets over digits: metrics.target: digit.")
      }
      return id
    }
    return try TokenSpace(name: name, unit: .character, ids: ids)
  }

  /// Every token that a part of a number may be written with: digits, a point among or beside them, a minus sign, with or
  /// without a leading space, and the space alone.
  ///
  /// - Throws: `TokenSpaceError` naming the first digit that is not a token.
  public static func pieces(of vocabulary: any TokenVocabulary, name: String = "value") throws -> TokenSpace {
    _ = try TokenSpace.digits(of: vocabulary, name: name)
    var texts = Set<String>()
    for id in 0..<Int32(vocabulary.count) {
      if let text = vocabulary.text(of: id), isPiece(text) { texts.insert(text) }
    }
    let found = TokenTexts(Array(texts), in: vocabulary)
    return try TokenSpace(name: name, unit: .piece, ids: texts.sorted().compactMap(found.existing))
  }

  /// `12`, ` 12`, `-`, ` -3`, `.5`, ` `
  private static func isPiece(_ text: String) -> Bool {
    // Longer than any number.
    guard !text.isEmpty, text.utf8.count <= ValueFormat.largestDigits + 3 else { return false }
    var rest = Substring(text)
    if rest.first == " " { rest.removeFirst() }
    if rest.first == "-" { rest.removeFirst() }
    return rest.unicodeScalars.allSatisfy { $0.isDecimalDigit || $0 == "." } && rest.count { $0 == "." } <= 1
  }

  /// The ten digits among the characters of numbers; nil for other spaces.
  public var digits: TokenSpace? {
    guard unit == .character else { return nil }
    return try? TokenSpace(name: name, unit: .digit, ids: Array(ids.prefix(10)), values: (0...9).map(Double.init))
  }

  /// The integers of a range, each of them one token: scores 0 … 20.
  ///
  /// - Throws: `TokenSpaceError` naming the first integer that the tokenizer does not write as one token.
  public static func integers(
    _ range: ClosedRange<Int>, of vocabulary: any TokenVocabulary, spacing: Spacing = .plain, name: String = "integers"
  ) throws -> TokenSpace {
    // `count` of a range does not fit an Int for all of them.
    let (span, overflows) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
    guard !overflows, span < vocabulary.count else {
      throw TokenSpaceError(
        space: name,
        problem: "\(range.lowerBound) … \(range.upperBound), but the vocabulary has only \(vocabulary.count) tokens",
        remedy: "Use digits.")
    }
    let texts = range.map { spacing.text(String($0)) }
    let found = TokenTexts(texts, in: vocabulary)
    let ids = try zip(range, texts).map { integer, text in
      guard let id = found.written(text) else {
        throw TokenSpaceError(
          space: name, problem: "\(integer) is not one token (\(quoted(text)) is written as several)",
          remedy: "Use digits, which handle numbers of several tokens, or a range that ends before \(integer).")
      }
      return id
    }
    return try TokenSpace(name: name, unit: .number, ids: ids, values: range.map(Double.init))
  }

  /// Every numeric string of a vocabulary: the ten digits, or all of `0` … `999` where digits are grouped.
  ///
  /// Candidates are sorted by value; the canonical string (no leading zeros, the spacing asked for) precedes its
  /// duplicates.
  public static func numbers(
    of vocabulary: any TokenVocabulary, spacing: Spacing = .plain, duplicates: Duplicates = .dropped,
    name: String = "numbers"
  ) throws -> TokenSpace {
    var texts = [String]()
    for id in 0..<Int32(vocabulary.count) {
      if let text = vocabulary.text(of: id), DigitText(text) != nil { texts.append(text) }
    }
    let found = TokenTexts(texts, in: vocabulary)
    var groups = [String: [DigitText]]()
    for text in Set(texts) {
      if let digits = DigitText(text), Double(digits.digits)?.isFinite ?? false {
        groups[digits.canonical, default: []].append(digits)
      }
    }

    var rows = [(value: Double, id: Int32, base: Double)]()
    for (canonical, group) in groups {
      let order = group.sorted { a, b in
        (a.isSpaced == (spacing == .spaced) ? 0 : 1, a.digits.utf8.count)
          < (b.isSpaced == (spacing == .spaced) ? 0 : 1, b.digits.utf8.count)
      }
      // With duplicates dropped, a value whose only tokens have the other spacing is not a candidate.
      let kept = duplicates == .dropped ? order.prefix(1).filter { $0.isSpaced == (spacing == .spaced) } : order
      for (rank, text) in kept.enumerated() {
        guard let id = found.existing((text.isSpaced ? " " : "") + text.digits) else { continue }
        let base = duplicates == .shared ? 1 / Double(kept.count) : rank == 0 ? 1 : 0
        rows.append((Double(canonical) ?? 0, id, base))
      }
    }
    guard rows.count >= 2 else {
      throw TokenSpaceError(
        space: name, problem: "the vocabulary has \(rows.count) \(spacing.rawValue) numeric tokens",
        remedy: spacing == .plain ? "Try spaced ones, or name bins." : "Try plain ones, or name bins.")
    }
    rows.sort { ($0.value, -$0.base, $0.id) < ($1.value, -$1.base, $1.id) }
    return try TokenSpace(
      name: name, unit: .digitRun, ids: rows.map(\.id), values: rows.map(\.value),
      base: duplicates == .dropped ? nil : rows.map(\.base))
  }

  /// Words that are labels, each of them one token. Without values only the discrete metric and tables apply.
  public static func labels(
    _ texts: [String], of vocabulary: any TokenVocabulary, name: String = "labels"
  ) throws -> TokenSpace {
    try explicit(texts, values: nil, of: vocabulary, name: name)
  }

  /// Explicit tokens with explicit values: coordinate bins `<loc_0>` … , worded grades.
  public static func bins(
    _ bins: [(token: String, value: Double)], of vocabulary: any TokenVocabulary, name: String = "bins"
  ) throws -> TokenSpace {
    try explicit(bins.map(\.token), values: bins.map(\.value), of: vocabulary, name: name)
  }

  /// A block of consecutive ids: the whole code book of an image tokenizer. Candidate i is id `firstID` + i.
  public static func all(_ count: Int, firstID: Int32 = 0, name: String = "codebook") throws -> TokenSpace {
    guard count >= 2, count <= Int(Int32.max) - Int(max(firstID, 0)) else {
      throw TokenSpaceError(space: name, problem: "\(count) codes from id \(firstID)", remedy: "Give at least two.")
    }
    return try TokenSpace(name: name, ids: (0..<Int32(count)).map { firstID + $0 })
  }

  /// Consecutive ids whose values go at equal distances from that of the first to that of the last: the bins of actions
  /// that a model keeps at the end of its vocabulary.
  public static func ids(
    first: Int32, count: Int, from low: Double, to high: Double, name: String = "bins"
  ) throws -> TokenSpace {
    let block = try all(count, firstID: first, name: name)
    let step = (high - low) / Double(count - 1)
    return try TokenSpace(name: name, ids: block.ids, values: (0..<count).map { low + step * Double($0) })
  }

  private static func explicit(
    _ texts: [String], values: [Double]?, of vocabulary: any TokenVocabulary, name: String
  ) throws -> TokenSpace {
    let found = TokenTexts(texts, in: vocabulary)
    let ids = try texts.map { text in
      guard let id = found.existing(text) else {
        throw TokenSpaceError(
          space: name, problem: "\(quoted(text)) is not one token",
          remedy: "Choose words that are (a leading space counts), or add it to the tokenizer.")
      }
      return id
    }
    return try TokenSpace(name: name, ids: ids, values: values)
  }
}

func quoted(_ text: String) -> String { "\"\(text)\"" }
