// SPDX-License-Identifier: Apache-2.0
/// A number of an example as a rule for whole values reads it.
struct TaughtNumber {
  /// The value, an index of the format.
  var index: Int
  /// Its tokens, in the example's ids.
  var tokens: Range<Int>
  /// Which of the rule's tries writes it so; nil for characters.
  var trie: Int?
}

extension ValueRule {
  /// A number of an example; nil if its tokens are not next to each other, not all learnt, or not those with which the
  /// format's numbers are written.
  func number(_ positions: [MetricPosition], of example: EncodedExample) -> TaughtNumber? {
    let isUnbroken = zip(positions, positions.dropFirst()).allSatisfy { $0.position + 1 == $1.position }
    guard isUnbroken, let first = positions.first?.position, let last = positions.last?.position,
      positions.allSatisfy({ $0.candidate < space.count }), example.supervised[first...last].allSatisfy(\.self)
    else { return nil }
    if tries.isEmpty { return index(of: positions).map { TaughtNumber(index: $0, tokens: first..<last + 1) } }
    // A space before the number may be a token of its own and yet one of the number's, where `-5` has another after it
    // than `5`; or the tokenizer has put one in front that is none of it.
    for start in [first - 1, first, first + 1] where start > 0 && start <= last && example.supervised[start] {
      for trie in tries.indices where start == first || example.ids[min(start, first)] == tries[trie].blank {
        guard let index = tries[trie].index(of: example.ids[start...last]) else { continue }
        return TaughtNumber(index: index, tokens: start..<last + 1, trie: trie)
      }
    }
    return nil
  }
}

/// Whether a tokenizer would write a text with the tokens that it was given, where other numbers are put into it.
struct WritingCheck {
  let vocabulary: any TokenVocabulary

  /// How many tokens before and after a number are looked at.
  private static let reach = 3

  /// Whether a number's tokens may be put between others, where those of another number stand now.
  ///
  /// The text around the number is cut into tokens again. Where that does not give the tokens which stand there now,
  /// nothing can be said of others, and the answer is no.
  func mayReplace(
    _ old: ArraySlice<Int32>, by new: [Int32], after before: ArraySlice<Int32>, before after: ArraySlice<Int32>
  ) -> Bool {
    let left = Array(before.suffix(Self.reach).reversed().prefix { vocabulary.text(of: $0) != nil }.reversed())
    let right = Array(after.prefix(Self.reach).prefix { vocabulary.text(of: $0) != nil })
    // Beginnings of words are cut otherwise than their middles, so windows of other sizes may do.
    for count in (0...left.count).reversed() {
      let left = Array(left.suffix(count))
      // An answer whose tokens join the prompt's is cut with it, one whose do not is cut apart: a `-5` in place of `5` may
      // change that.
      guard begins(left, Array(old)) == begins(left, new) else { return false }
      // The space before the number may be one that such a beginning was given.
      if let last = left.last, vocabulary.text(of: last) == " " {
        let left = Array(left.dropLast())
        guard begins(left, Array(old)) == begins(left, new) else { return false }
      }
      if isWritten(left, Array(old), right) { return isWritten(left, new, right) }
    }
    return false
  }

  private func isWritten(_ left: [Int32], _ number: [Int32], _ right: [Int32]) -> Bool {
    let ids = left + number + right
    return cuts(text(ids)).contains(ids)
  }

  /// Whether tokens before a number stay as they are, where the texts are put together. Of two spaces between them one is
  /// what the tokenizer puts in front of an answer that is cut apart.
  private func begins(_ left: [Int32], _ number: [Int32]) -> Bool {
    let before = text(left), own = text(number), isDoubled = before.last == " " && own.first == " "
    return cuts(before + (isDoubled ? String(own.dropFirst()) : own)).contains { $0.starts(with: left) }
  }

  private func text(_ ids: [Int32]) -> String { ids.compactMap(vocabulary.text(of:)).joined() }

  /// What the tokenizer makes of a text that some of its tokens have. Many put a space in front of whatever they are given.
  private func cuts(_ text: String) -> [[Int32]] {
    let whole = vocabulary.ids(of: text)
    return text.first == " " ? [whole, vocabulary.ids(of: String(text.dropFirst()))] : [whole]
  }
}
