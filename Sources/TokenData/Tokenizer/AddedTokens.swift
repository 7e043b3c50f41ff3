// SPDX-License-Identifier: Apache-2.0
import Files

/// Tokens found in the text before anything else is: the `added_tokens` section of tokenizer.json.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let content: String
    let isWholeWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
    let isNormalized: Bool
    let isSpecial: Bool
    /// The content as the normalizer makes it where that is what is looked for, else the content.
    var pattern: String
  }

  private(set) var tokens: [Int32: Token] = [:]
  // Text is compared by its bytes, which String does not do.
  private var ids: [[UInt8]: Int32] = [:]
  private var specials: Set<[UInt8]> = []
  private var original = TokenTrie()
  private var normalized = TokenTrie()

  /// Reads the list, gives ids as the tokenizers package does, and refuses a file that says otherwise.
  init(_ json: JSONReader?, _ vocabulary: Vocabulary, _ normalizer: Normalizer?) throws(InputError) {
    var next = Int32(vocabulary.tokenCount)  // the id of the next token that the vocabulary does not have
    for item in try json?.elements() ?? [] {
      let content = try item.string(at: "content")
      let isSpecial = try item.ifPresent("special")?.bool() ?? false
      var token = Token(
        content: content, isWholeWord: try item.ifPresent("single_word")?.bool() ?? false,
        stripsLeft: try item.ifPresent("lstrip")?.bool() ?? false,
        stripsRight: try item.ifPresent("rstrip")?.bool() ?? false,
        isNormalized: try item.ifPresent("normalized")?.bool() ?? !isSpecial, isSpecial: isSpecial, pattern: content)
      guard !content.isEmpty else { throw try item.at("content").error(expected: "a token") }
      guard content.utf8.count <= Vocabulary.longestToken else { throw try item.at("content").tokenTooLong }
      let known = vocabulary.id(of: content)
      let id = known ?? next
      guard tokens[id] == nil, known != nil || vocabulary.bytes(of: id) == nil else {
        throw item.error(expected: "a token and an id of its own", found: "\"\(content)\" with id \(id)")
      }
      guard try item.int(at: "id") == Int(id) else {
        throw try item.at("id").error(
          expected: "\(id), the id of \"\(content)\" in the vocabulary or the next free one")
      }
      if known == nil { next += 1 }
      if token.isNormalized, let normalizer {
        var text = SplitText(text: AlignedText(original: content), splits: [Split(0..<content.utf8.count)])
        normalizer.apply(to: &text)
        guard text.text.bytes.count <= Vocabulary.longestToken else { throw try item.at("content").tokenTooLong }
        token.pattern = String(decoding: text.text.bytes, as: UTF8.self)
      }
      let isNew = token.isNormalized ? normalized.insert(token.pattern, id) : original.insert(token.pattern, id)
      guard isNew else { throw try item.at("content").error(expected: "each token once, normalized") }
      tokens[id] = token
      ids[Array(content.utf8)] = id
      if isSpecial { specials.insert(Array(content.utf8)) }
    }
  }

  /// The id of an added token.
  func id(of content: String) -> Int32? { ids[Array(content.utf8)] }

  /// Whether decoding may skip the token: it is special, and the normalizer leaves it as it is.
  func isSkipped(_ id: Int32) -> Bool { tokens[id].map { specials.contains(Array($0.pattern.utf8)) } ?? false }

  /// Cuts out the tokens that are looked for in the text as it came.
  func cutOriginal(_ text: inout SplitText) { cut(&text, original) }

  /// Cuts out the tokens that are looked for in the normalized text.
  func cutNormalized(_ text: inout SplitText) { cut(&text, normalized) }

  private func cut(_ text: inout SplitText, _ trie: TokenTrie) {
    guard !trie.isEmpty else { return }
    text.cut { bytes, range, result in
      var done = range.lowerBound
      var position = range.lowerBound
      while let (match, id) = trie.next(in: bytes, position..<range.upperBound) {
        position = match.upperBound
        guard let place = place(of: tokens[id]!, match, in: bytes, range, done) else { continue }
        if done < place.lowerBound { result.append(Split(done..<place.lowerBound)) }
        result.append(Split(place, token: id))
        done = place.upperBound
      }
      if done < range.upperBound { result.append(Split(done..<range.upperBound)) }
    }
  }

  /// Range of a match with the white space it strips; nil if it must be a whole word and is none.
  private func place(
    of token: Token, _ match: Range<Int>, in bytes: UTF8Bytes, _ range: Range<Int>, _ done: Int
  ) -> Range<Int>? {
    let classes = UnicodeClasses.shared
    var (start, end) = (match.lowerBound, match.upperBound)
    if token.isWholeWord {
      let before = start > range.lowerBound ? bytes.scalar(at: bytes.scalarStart(before: start)).value : 0
      let after = end < range.upperBound ? bytes.scalar(at: end).value : 0
      if classes[before].isRustWord || classes[after].isRustWord { return nil }
    }
    if token.stripsLeft {
      while start > range.lowerBound, case let space = bytes.scalarStart(before: start),
        classes[bytes.scalar(at: space).value].isSpace
      { start = space }
      start = max(start, done)
    }
    if token.stripsRight {
      while end < range.upperBound, case let (space, length) = bytes.scalar(at: end), classes[space].isSpace {
        end += length
      }
    }
    return start..<end
  }
}

/// Finds the leftmost, and there the longest, of a set of strings.
struct TokenTrie: Sendable {
  /// Child of a node (upper bits) by a byte (lowest eight).
  private var children: [Int: Int] = [:]
  private var ids: [Int32?] = [nil]
  private var isFirst = [Bool](repeating: false, count: 256)

  var isEmpty: Bool { children.isEmpty }

  /// Adds a string that is not empty; says whether it is new.
  mutating func insert(_ text: String, _ id: Int32) -> Bool {
    var node = 0
    for byte in text.utf8 {
      let key = node << 8 | Int(byte)
      if let child = children[key] {
        node = child
      } else {
        node = ids.count
        ids.append(nil)
        children[key] = node
      }
    }
    guard node != 0, ids[node] == nil else { return false }
    isFirst[Int(text.utf8.first!)] = true
    ids[node] = id
    return true
  }

  /// The first match in a range.
  func next(in bytes: UTF8Bytes, _ range: Range<Int>) -> (Range<Int>, Int32)? {
    isFirst.withUnsafeBufferPointer { isFirst in
      for start in range where isFirst[Int(bytes[start])] {
        var node = 0
        var position = start
        var best: (Range<Int>, Int32)?
        while position < range.upperBound, let child = children[node << 8 | Int(bytes[position])] {
          node = child
          position += 1
          if let id = ids[node] { best = (start..<position, id) }
        }
        if let best { return best }
      }
      return nil
    }
  }
}
