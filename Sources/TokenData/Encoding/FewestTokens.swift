// SPDX-License-Identifier: Apache-2.0
public import Files

extension ExampleEncoder {
  /// Bytes of text up to which a record is cut to length: cutting needs tokens of all of it, of some 240 bytes each.
  public static let mostCut = 4 << 20

  /// Bytes of a record's texts.
  static func bytes(of record: Record) -> Int { texts(of: record).reduce(0) { $0 + $1.utf8.count } }

  /// The fewest tokens that a record's texts can have, known before memory is taken for each of millions; nil for texts
  /// of a mebibyte or less, which are soon encoded, and for tokenizers whose tokens have no longest.
  public func fewestTokens(of record: Record) -> Int? {
    // The bound looks at every token of the vocabulary, as long as reading a short record takes many times over.
    guard Self.bytes(of: record) > 1 << 20, let bound = tokenizer.textBound else { return nil }
    return Self.texts(of: record).reduce(0) { $0 + bound.fewestTokens(of: $1) }
  }

  /// Refuses a record that has too much text to be cut to length.
  ///
  /// - Throws: `InputError` naming the record.
  public static func checkCut(_ record: Record) throws(InputError) {
    let bytes = bytes(of: record)
    guard bytes > mostCut else { return }
    throw InputError(
      path: record.source, expected: "at most \(mostCut >> 20) MiB of text in a line that is cut to length",
      found: "\(bytes >> 20) MiB", remedy: "Shorten it, or leave such lines out: data.tooLong: skip.")
  }

  private static func texts(of record: Record) -> [String] {
    switch record.content {
    case .promptCompletion(let prompt, let answer): [prompt, answer ?? ""]
    case .text(let text): [text]
    case .messages(let messages): messages.map(\.content)
    }
  }
}
