// SPDX-License-Identifier: Apache-2.0
/// A number (or a single token that is a value) found among the tokens of an example.
public struct FoundMetric: Sendable, Hashable {
  /// Value of the text; nil for tokens that are not written as numbers.
  public var number: ParsedNumber?
  /// Its metric tokens, in order.
  public var positions: [MetricPosition]
  /// Indices of tokens that hold some of its digits but are no candidates: these are learnt by cross entropy alone.
  /// Not empty means that the token space does not fit the tokenizer, which `dist2 inspect` points out.
  public var uncovered: [Int]

  /// Memberwise.
  public init(number: ParsedNumber?, positions: [MetricPosition], uncovered: [Int]) {
    self.number = number
    self.positions = positions
    self.uncovered = uncovered
  }
}

/// Finds the metric tokens of one metric: the sub-sequences x inside a sequence s (section 2.2).
public struct MetricFinder: Sendable, Hashable {
  /// The candidates.
  public var space: TokenSpace
  /// Index of the metric, written into every position.
  public var metric: Int
  /// Grammar of numbers.
  public var grammar: NumberGrammar

  /// Memberwise.
  public init(space: TokenSpace, metric: Int = 0, grammar: NumberGrammar = NumberGrammar()) {
    self.space = space
    self.metric = metric
    self.grammar = grammar
  }

  /// The numbers of a text as metric tokens.
  ///
  /// A token of several digits takes the place of its least significant one, and its value says the rest: in 1024
  /// written `102` `4`, `102` has rank 2 and counts tens. A token that holds anything but digits of the number (and
  /// leading space) is no candidate even if its id were one.
  ///
  /// - Parameters:
  ///   - pieces: the example's tokens in order; positions are indices into them.
  ///   - text: what they were cut from.
  ///   - spans: where numbers may be (the answer, the insides of marks), in Unicode scalars; nil for everywhere.
  ///   - firstNumber: ordinal of the first number found; later ones count on.
  /// - Returns: one entry per number, also those of which no token is a candidate.
  public func find(
    in pieces: [TokenPiece], text: String, within spans: [Range<Int>]? = nil, firstNumber: Int = 0
  ) -> [FoundMetric] {
    if space.unit == .token { return findTokens(in: pieces, within: spans, firstNumber: firstNumber) }
    let scalars = Array(text.unicodeScalars)
    let order = pieces.indices.filter { !pieces[$0].range.isEmpty }
    var next = 0
    let spans = spans?.sorted { $0.lowerBound < $1.lowerBound }
    return grammar.numbers(in: scalars, within: spans).enumerated().map { ordinal, number in
      var found = FoundMetric(number: number, positions: [], uncovered: [])
      var rated = Set<Int>(), others = [(index: Int, digits: Range<Int>)]()
      while next < order.count, pieces[order[next]].range.upperBound <= number.range.lowerBound { next += 1 }
      for index in order[next...] {
        let piece = pieces[index]
        guard piece.range.lowerBound < number.range.upperBound else { break }
        if space.unit == .character || space.unit == .piece {
          guard let candidate = part(piece, of: number, scalars) else {
            found.uncovered.append(index)
            continue
          }
          found.positions.append(
            MetricPosition(position: index, metric: metric, candidate: candidate, number: firstNumber + ordinal))
          continue
        }
        guard let covered = digits(of: number, in: piece.range) else { continue }
        if let candidate = candidate(piece, covered: covered, number: number, scalars: scalars) {
          rated.formUnion(covered)
          found.positions.append(
            MetricPosition(
              position: index, metric: metric, candidate: candidate,
              place: space.unit == .number ? .whole : number.place(ofDigit: covered.upperBound - 1),
              number: firstNumber + ordinal))
        } else {
          others.append((index, covered))
        }
      }
      if space.unit == .piece, !found.uncovered.isEmpty {
        // Of `12kg` written `1` `2kg` nothing must be taken for a number of its own.
        found.uncovered = (found.positions.map(\.position) + found.uncovered).sorted()
        found.positions = []
      }
      if space.unit == .character || space.unit == .piece { return found }
      // A prepended `▁` reports the digit after it as its own; that digit has a token all the same.
      found.uncovered = others.filter { !rated.isSuperset(of: $0.digits) }.map(\.index)
      return found
    }
  }

  /// Every candidate is a number of its own, wherever it stands.
  private func findTokens(in pieces: [TokenPiece], within spans: [Range<Int>]?, firstNumber: Int) -> [FoundMetric] {
    var found = [FoundMetric]()
    for (index, piece) in pieces.enumerated() {
      let isInside =
        spans?.contains { $0.lowerBound <= piece.range.lowerBound && piece.range.upperBound <= $0.upperBound } ?? true
      guard isInside, let candidate = space.candidate(of: piece.id) else { continue }
      let position = MetricPosition(
        position: index, metric: metric, candidate: candidate, number: firstNumber + found.count)
      found.append(FoundMetric(number: nil, positions: [position], uncovered: []))
    }
    return found
  }

  /// Which digits (indices into `number.digits`) a token covers; nil for none.
  private func digits(of number: ParsedNumber, in range: Range<Int>) -> Range<Int>? {
    guard let first = number.offsets.firstIndex(where: range.contains),
      let last = number.offsets.lastIndex(where: range.contains)
    else { return nil }
    return first..<last + 1
  }

  /// The candidate of a token that is a part of a number (one character, where these are the candidates) and nothing else
  /// but a leading space.
  private func part(_ piece: TokenPiece, of number: ParsedNumber, _ scalars: [Unicode.Scalar]) -> Int? {
    let bare = piece.range.drop { scalars[$0].properties.isWhitespace }
    guard let first = bare.first, let last = bare.last, number.range.contains(first), number.range.contains(last),
      space.unit == .piece || bare.count == 1
    else { return nil }
    return space.candidate(of: piece.id)
  }

  private func candidate(
    _ piece: TokenPiece, covered: Range<Int>, number: ParsedNumber, scalars: [Unicode.Scalar]
  ) -> Int? {
    let bare = piece.range.drop { scalars[$0].properties.isWhitespace }
    switch space.unit {
    case .digit, .digitRun:
      let isOnlyDigits = bare.startIndex == number.offsets[covered.lowerBound] && bare.count == covered.count
      guard isOnlyDigits, space.unit == .digitRun || covered.count == 1 else { return nil }
    case .number, .token, .character, .piece:
      guard bare.startIndex == number.range.lowerBound, bare.endIndex == number.range.upperBound else { return nil }
    }
    return space.candidate(of: piece.id)
  }
}

extension ParsedNumber {
  /// Place of one digit (an index into `digits`): its rank in the number, in its unbroken run, and its power of ten.
  public func place(ofDigit index: Int) -> PlaceValue {
    var end = index + 1
    while end < digits.count, offsets[end] == offsets[end - 1] + 1 { end += 1 }
    return PlaceValue(
      rankInNumber: digits.count - index, rankInRun: end - index, exponent: exponent + digits.count - 1 - index)
  }
}
