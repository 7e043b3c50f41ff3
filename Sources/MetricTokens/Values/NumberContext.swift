// SPDX-License-Identifier: Apache-2.0
/// What stands before a number, as far as the tokenizer cuts the number otherwise because of it: ` 12` is often one token,
/// and `12` another.
public struct NumberContext: Sendable, Hashable, Codable {
  /// The text, but for a space that the number's first token may hold.
  var before: String
  /// Whether a space follows it.
  public var isSpaced: Bool
  /// Tokens of nothing but space that all numbers have in front, and that so say nothing of them.
  var skipped = 0

  /// The text that stands before.
  public var text: String { before + (isSpaced ? " " : "") }

  /// The start of a text.
  public static let start = NumberContext(before: "", isSpaced: false)

  /// The tokens of a number's text; nil where those before it change because of it.
  public func tokens(of number: String, _ vocabulary: any TokenVocabulary) -> [Int32]? {
    Writer(self, vocabulary).tokens(number)
  }

  private static let all = ["", "a", ":", "(", "\n"].flatMap { before in
    [false, true].map { NumberContext(before: before, isSpaced: $0) }
  }

  /// The contexts in which a tokenizer cuts a format's numbers differently: one of those with the same tokens, as far as
  /// some of the numbers show.
  public static func all(_ format: ValueFormat, _ vocabulary: any TokenVocabulary) -> [NumberContext] {
    let texts = samples(format).map(format.text)
    var known = Set<[[Int32]]>()
    return all.compactMap { context in
      var context = context
      let writer = Writer(context, vocabulary), written = texts.compactMap(writer.tokens)
      guard written.count == texts.count, let first = written.first else { return nil }
      context.skipped =
        first.indices.prefix { place in
          vocabulary.text(of: first[place]) == " "
            && written.allSatisfy { $0.count > place + 1 && $0[place] == first[place] }
        }.count
      return known.insert(written.map { Array($0.dropFirst(context.skipped)) }).inserted ? context : nil
    }
  }

  /// Some of a format's values: both ends, those around 0 and the powers of ten, and others evenly spread.
  private static func samples(_ format: ValueFormat) -> [Int] {
    let (low, high) = (format.indices.lowerBound, format.indices.upperBound)
    var samples = Set(stride(from: low, through: high, by: max(1, format.count / 61))).union([high])
    for digits in 0...ValueFormat.largestDigits {
      let power = powerOfTen(digits)
      for index in power - 1...power + 1 { samples.formUnion([index, -index]) }
    }
    return samples.filter(format.indices.contains).sorted()
  }

  /// Cuts numbers into tokens in a context.
  struct Writer {
    private let context: NumberContext
    private let vocabulary: any TokenVocabulary
    private let prefix: [Int32]

    init(_ context: NumberContext, _ vocabulary: any TokenVocabulary) {
      (self.context, self.vocabulary) = (context, vocabulary)
      prefix = context.before.isEmpty ? [] : vocabulary.ids(of: context.before)
    }

    /// The tokens of a number's text; nil where those before it change because of it.
    func tokens(_ number: String) -> [Int32]? {
      let ids = vocabulary.ids(of: context.text + number)
      let start = prefix.count + context.skipped
      guard ids.count > start, ids.starts(with: prefix),
        ids[prefix.count..<start].allSatisfy({ vocabulary.text(of: $0) == " " })
      else { return nil }
      return Array(ids[start...])
    }
  }
}

extension NumberTrie {
  /// The numbers of a format as a tokenizer writes them in a context.
  ///
  /// - Throws: as ``init(_:over:blank:progress:tokens:)``.
  public init(
    _ format: ValueFormat, over space: TokenSpace, in context: NumberContext, of vocabulary: any TokenVocabulary,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(TokenSpaceError) {
    let writer = NumberContext.Writer(context, vocabulary)
    let blank = space.ids.first { vocabulary.text(of: $0) == " " }
    try self.init(format, over: space, blank: blank, progress: progress, tokens: writer.tokens)
  }

  /// The numbers of a format in each of the contexts in which a tokenizer cuts them differently, and can write them at all.
  ///
  /// - Throws: `TokenSpaceError` if there is no such context.
  public static func all(
    _ format: ValueFormat, over space: TokenSpace, of vocabulary: any TokenVocabulary,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(TokenSpaceError) -> [NumberTrie] {
    var tries = [NumberTrie](), problem: TokenSpaceError?
    let contexts =
      format.count <= largest ? NumberContext.all(format, vocabulary) : [NumberContext(before: "", isSpaced: false)]
    for (number, context) in contexts.enumerated() {
      do throws(TokenSpaceError) {
        tries.append(
          try NumberTrie(format, over: space, in: context, of: vocabulary) { done, all in
            progress(number * all + done, contexts.count * all)
          })
      } catch { problem = problem ?? error }
    }
    guard tries.isEmpty else { return tries }
    throw problem
      ?? TokenSpaceError(
        space: space.name,
        problem: "the tokenizer writes numbers from \(format.text(format.indices.lowerBound)) to "
          + "\(format.text(format.indices.upperBound)) together with what stands before them",
        remedy: "Take tokens: digits.")
  }
}
