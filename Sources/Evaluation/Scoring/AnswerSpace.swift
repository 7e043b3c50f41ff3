// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// All the ways to write an answer that is a number, as a tree of tokens.
///
/// What may follow is asked path by path, so a space may hold more answers than could be listed. Two paths may spell
/// the same value; their probabilities are added.
public struct AnswerSpace: Sendable {
  /// Continuations of a path.
  public enum Continuation: Sendable, Hashable {
    /// One of these tokens; with none the path is a dead end.
    case tokens([Int32])
    /// Nothing: the path is an answer with this value.
    case value(Double)
  }

  /// Continuations of the tokens of a path; the empty path is the start of the answer.
  public let after: @Sendable (_ path: [Int32]) -> Continuation

  /// A space by its rule. Every path must come to an end.
  public init(_ after: @escaping @Sendable (_ path: [Int32]) -> Continuation) { self.after = after }

  /// Answers that are one token: scores 0 … 20, coordinate bins.
  ///
  /// - Throws: `TokenSpaceError` for a space whose tokens have no values.
  public static func tokens(of space: TokenSpace) throws -> AnswerSpace {
    guard let values = space.values else {
      throw TokenSpaceError(
        space: space.name, problem: "tokens without values", remedy: "Use integers, numbers or bins.")
    }
    return AnswerSpace { path in
      guard let id = path.first else { return .tokens(space.ids) }
      return space.candidate(of: id).map { .value(values[$0]) } ?? .tokens([])
    }
  }

  /// The numbers of a format as a tokenizer writes them, several digits a token. One that begins longer ones must be
  /// followed by one of `ends`; others end by themselves.
  ///
  /// - Throws: `DecodingError.badSetting` if an end is needed and there is none.
  public static func numbers(_ trie: NumberTrie, ends: [Int32]) throws -> AnswerSpace {
    guard !ends.isEmpty || !trie.needsEnds else {
      throw DecodingError.badSetting("numbers: expected tokens that end a number of variable length, found none")
    }
    return AnswerSpace { path in
      guard let after = trie.after(path) else {
        return trie.index(of: path.dropLast()).map { .value(trie.format.value($0)) } ?? .tokens([])
      }
      guard let value = after.value else { return .tokens(after.next) }
      return after.next.isEmpty ? .value(trie.format.value(value)) : .tokens(after.next + ends)
    }
  }

  /// Answers spelled out by the caller, for tokenizers that write several digits as one token.
  ///
  /// - Throws: `DecodingError.badSetting` if a spelling is empty, occurs twice or begins another: it would not be
  ///   known where it ends. Give such answers the token that ends them.
  public static func spellings(_ answers: [(ids: [Int32], value: Double)]) throws -> AnswerSpace {
    var next = [[Int32]: [Int32]](), values = [[Int32]: Double]()
    for (ids, value) in answers {
      guard !ids.isEmpty, values.updateValue(value, forKey: ids) == nil else {
        throw DecodingError.badSetting(
          "spellings: expected different tokens for every answer, found \(ids) again or empty")
      }
      for length in ids.indices
      where next[Array(ids[...length])] == nil && !(next[Array(ids[..<length])]?.contains(ids[length]) ?? false) {
        next[Array(ids[..<length]), default: []].append(ids[length])
      }
    }
    if let inner = values.keys.first(where: { next[$0] != nil }) {
      throw DecodingError.badSetting(
        "spellings: expected an end after \(inner), found a longer answer that begins with it")
    }
    return AnswerSpace { [next, values] path in
      values[path].map(Continuation.value) ?? .tokens(next[path] ?? [])
    }
  }
}
