// SPDX-License-Identifier: Apache-2.0
/// The words a thread has met and their tokens. Full, it starts afresh.
struct WordCache: Sendable {
  /// Longer words are not kept.
  static let longestWord = 48
  private static let slots = 1 << 15
  private static let words = slots / 2
  private static let probes = 16

  private struct Entry: Sendable {
    var hash: UInt64 = 0
    var word: UInt32 = 0
    var tokens: UInt32 = 0
    var wordCount: UInt16 = 0  // 0 = empty
    var tokenCount: UInt16 = 0
  }

  private var entries: [Entry] = []
  private var text: [UInt8] = []
  private var tokens: [TokenWorkspace.Token] = []
  private var count = 0

  /// Appends the tokens of a word it knows; says whether it does.
  @inline(__always) func find(
    _ word: UTF8Bytes, _ hash: UInt64, appendingTo result: inout [TokenWorkspace.Token]
  ) -> Bool {
    guard !entries.isEmpty else { return false }
    var slot = Int(truncatingIfNeeded: hash) & (Self.slots - 1)
    for _ in 0..<Self.probes {
      let entry = entries[slot]
      if entry.wordCount == 0 { return false }
      if entry.hash == hash, isWord(entry, word) {
        let start = Int(entry.tokens)
        for index in start..<start + Int(entry.tokenCount) { result.append(tokens[index]) }
        return true
      }
      slot = (slot + 1) & (Self.slots - 1)
    }
    return false
  }

  @inline(__always) private func isWord(_ entry: Entry, _ word: UTF8Bytes) -> Bool {
    guard Int(entry.wordCount) == word.count else { return false }
    return text.withUnsafeBufferPointer { text in
      for offset in 0..<word.count where text[Int(entry.word) + offset] != word[offset] { return false }
      return true
    }
  }

  /// Keeps a word's tokens.
  mutating func insert(_ word: UTF8Bytes, _ hash: UInt64, _ wordTokens: ArraySlice<TokenWorkspace.Token>) {
    if entries.isEmpty || count >= Self.words {
      entries = [Entry](repeating: Entry(), count: Self.slots)
      text.removeAll(keepingCapacity: true)
      tokens.removeAll(keepingCapacity: true)
      count = 0
    }
    var slot = Int(truncatingIfNeeded: hash) & (Self.slots - 1)
    var probes = 0
    while entries[slot].wordCount != 0 {
      slot = (slot + 1) & (Self.slots - 1)
      probes += 1
      if probes == Self.probes { return }  // crowded: this word is merged anew each time
    }
    entries[slot] = Entry(
      hash: hash, word: UInt32(text.count), tokens: UInt32(tokens.count), wordCount: UInt16(word.count),
      tokenCount: UInt16(wordTokens.count))
    text.append(contentsOf: word)
    tokens.append(contentsOf: wordTokens)
    count += 1
  }
}
