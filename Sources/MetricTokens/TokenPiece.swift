// SPDX-License-Identifier: Apache-2.0
/// A token and the characters it was cut from.
public struct TokenPiece: Sendable, Hashable {
  /// Token id.
  public var id: Int32
  /// Range that it covers, in Unicode scalars of the text (as the `tokenizers` package counts); empty for tokens that
  /// stand for no text. With or without the leading space: both conventions are understood.
  public var range: Range<Int>

  /// Memberwise.
  public init(id: Int32, range: Range<Int>) {
    self.id = id
    self.range = range
  }

  /// The text of a sequence, as its tokens decode, and what each token covers.
  ///
  /// For ids whose text is not at hand, such as a model's answer. A token without text of its own (special, or part of
  /// a character) becomes U+FFFC, which no number crosses.
  public static func pieces(
    of ids: [Int32], in vocabulary: any TokenVocabulary
  ) -> (text: String, pieces: [TokenPiece]) {
    var scalars = String.UnicodeScalarView()
    var length = 0
    let pieces = ids.map { id in
      let text = vocabulary.text(of: id)?.unicodeScalars ?? String.UnicodeScalarView(["\u{FFFC}"])
      scalars.append(contentsOf: text)
      defer { length += text.count }
      return TokenPiece(id: id, range: length..<length + text.count)
    }
    return (String(scalars), pieces)
  }
}
