// SPDX-License-Identifier: Apache-2.0
public import Files

/// How much the steps of a tokenizer can make of a text: what its file asks for may be out of all proportion to it. Four
/// replacements of `a` by 200 letters turn 8 letters into 12.8 GB.
///
/// Both figures are bounds known from the file alone, so what they forbid is refused before any work.
struct TextCost {
  /// Bytes that come out for one that goes in, at most.
  var growth = 1.0
  /// Steps of work for each byte, at most: passes over the text, and instructions of expressions that may try each.
  var work = 0.0
  /// Whether an expression is matched by backtracking, which keeps places to go back to.
  var backtracks = false

  /// The most growth that is accepted: more is a mistake or meant ill.
  static let growthLimit = 1000.0
  /// Most bytes of a text on its way to the model; where each came from is kept beside it.
  private static let byteLimit = 64.0 * 1_048_576
  /// Most steps for one text, some seconds.
  private static let workLimit = 4e9

  /// One step after another.
  mutating func then(_ other: TextCost) {
    // What grew is more work for what comes after.
    work += growth * other.work
    growth *= other.growth
    backtracks = backtracks || other.backtracks
  }

  /// The most bytes of a text that steps of this cost can be let loose on.
  var longestText: Int {
    Int(min(Self.byteLimit / (backtracks ? 8 : 1) / growth, Self.workLimit / max(work, 1)).rounded(.down))
  }

  /// Throws unless the growth is within reason.
  func check(_ json: JSONReader) throws(InputError) {
    guard growth <= Self.growthLimit else {
      throw json.error(
        expected: "steps that make a text at most \(Int(Self.growthLimit)) times as long", found: "more",
        remedy: "Look at the contents of its Replace and Prepend steps.")
    }
  }
}

extension TextPattern {
  /// Of replacing each match by so many bytes.
  func cost(content: Int) -> TextCost {
    switch self {
    // Each place may be compared with the whole string.
    case .literal(let text):
      TextCost(growth: max(1, Double(content) / Double(text.count)), work: Double(text.count))
    case .words: TextCost(growth: max(1, Double(content)), work: 8)
    // A match may be empty, at every byte.
    case .regex(let program):
      TextCost(growth: 1 + Double(content), work: Double(program.code.count), backtracks: true)
    }
  }
}

extension Normalizer {
  var cost: TextCost {
    switch self {
    case .sequence(let steps): steps.reduce(into: TextCost()) { $0.then($1.cost) }
    // Once a part: between parts of one byte stands an added token, of a byte at least.
    case .prepend(let text): TextCost(growth: 1 + Double(text.utf8.count) / 2, work: 1)
    case .replace(let pattern, let content): pattern.cost(content: content.utf8.count)
    // U+FDFA becomes 33 bytes of 3, by compatibility; else 3 of 1 is the most (U+0390).
    case .canonical(_, let compatibility): TextCost(growth: compatibility ? 11 : 3, work: 8)
    case .lowercase: TextCost(growth: 1.5, work: 1)
    case .strip, .stripAccents, .nmt: TextCost(work: 1)
    case .precompiled(let map): TextCost(growth: map.growth, work: 8)
    case .bert(let bert): bert.cost
    case .byteAlphabet: TextCost(growth: 2, work: 1)
    }
  }
}

extension PreTokenizer {
  var cost: TextCost {
    switch self {
    case .sequence(let steps): steps.reduce(into: TextCost()) { $0.then($1.cost) }
    case .split(let pattern, _, _):
      TextCost(work: pattern.cost(content: 0).work, backtracks: pattern.cost(content: 0).backtracks)
    // Parts may be of one byte each.
    case .byteLevel(let addsSpace, _): TextCost(growth: addsSpace ? 2 : 1, work: 8)
    case .metaspace: TextCost(growth: 4, work: 2)
    case .byteAlphabet: TextCost(growth: 2, work: 1)
    case .digits, .whitespace, .whitespaceSplit, .punctuation, .bert, .scripts, .fixedLength: TextCost(work: 1)
    }
  }
}

extension TokenDecoder {
  var cost: TextCost {
    switch self {
    case .sequence(let steps): steps.reduce(into: TextCost()) { $0.then($1.cost) }
    case .replace(let pattern, let content): pattern.cost(content: content.utf8.count)
    // A byte that is no text becomes U+FFFD.
    case .byteLevel, .byteFallback: TextCost(growth: 3, work: 1)
    case .fuse, .metaspace, .strip: TextCost(work: 1)
    // A space before each token, or in place of a suffix.
    case .wordPiece, .bytePair, .connectionist: TextCost(growth: 2, work: 16)
    }
  }
}

extension Tokenizer {
  /// Throws if a text is longer than ``longestText``.
  ///
  /// - Parameter source: the file and line it came from.
  public func check(_ text: String, source: String) throws(InputError) {
    guard text.utf8.count > longestText else { return }
    throw InputError(
      path: source, expected: "a text of at most \(longestText) bytes, the most this tokenizer can be asked to cut",
      found: "\(text.utf8.count)", remedy: "Cut it into several.")
  }
}
