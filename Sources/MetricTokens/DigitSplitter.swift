// SPDX-License-Identifier: Apache-2.0
/// Rewrites tokens so that every digit is a token of its own (docs/paper-map.md Q9).
///
/// Llama-3 reads `123` as one token. Place weights and contrastive examples act on digits, so answers are rewritten to
/// `1` `2` `3`, which the model can read and write as well. Works on tokens, not on text, since many tokenizers put a
/// space in front of whatever they are given.
public struct DigitSplitter: Sendable {
  /// Tokens that hold digits and more, with the tokens that take their place; each part knows its length in scalars.
  private let parts: [Int32: [(id: Int32, length: Int)]]

  /// Prepares the replacement of every token of a vocabulary.
  ///
  /// - Throws: `TokenSpaceError` if a digit is not a token.
  public init(_ vocabulary: any TokenVocabulary) throws {
    _ = try TokenSpace.digits(of: vocabulary)
    var cuts = [Int32: [String]]()
    for id in 0..<Int32(vocabulary.count) {
      guard let text = vocabulary.text(of: id) else { continue }
      let cut = Self.cut(text)
      if cut.count > 1 { cuts[id] = cut }
    }
    let found = TokenTexts(cuts.values.flatMap { $0 }, in: vocabulary)
    parts = cuts.compactMapValues { cut in
      let parts = cut.compactMap { text in found.existing(text).map { ($0, text.unicodeScalars.count) } }
      return parts.count == cut.count ? parts : nil
    }
  }

  /// Splits tokens of several digits inside `spans` (nil: everywhere), ranges included. A token that the vocabulary
  /// cannot write in parts (`covid19` without `covid`) stays whole.
  public func split(_ pieces: [TokenPiece], within spans: [Range<Int>]? = nil) -> [TokenPiece] {
    pieces.flatMap { piece -> [TokenPiece] in
      let isInside = spans?.contains { $0.overlaps(piece.range) } ?? true
      guard isInside, let parts = parts[piece.id] else { return [piece] }
      // Ranges are laid out from the end: offsets that leave out the leading space shorten the first part.
      var end = piece.range.upperBound
      return parts.reversed().map { part in
        let start = max(piece.range.lowerBound, end - part.length)
        defer { end = start }
        return TokenPiece(id: part.id, range: start..<end)
      }.reversed()
    }
  }

  /// Splits tokens of several digits in a plain sequence.
  public func split(_ ids: [Int32]) -> [Int32] {
    ids.flatMap { id in parts[id]?.map(\.id) ?? [id] }
  }

  /// Single digits and the stretches between them: ` 17` → ` `, `1`, `7`.
  private static func cut(_ text: String) -> [String] {
    var parts = [String](), stretch = String.UnicodeScalarView(), hasDigits = false
    for scalar in text.unicodeScalars {
      guard scalar.isDecimalDigit else {
        stretch.append(scalar)
        continue
      }
      hasDigits = true
      if !stretch.isEmpty { parts.append(String(stretch)) }
      stretch = String.UnicodeScalarView()
      parts.append(String(scalar))
    }
    if !stretch.isEmpty { parts.append(String(stretch)) }
    return hasDigits ? parts : []
  }
}
