// SPDX-License-Identifier: Apache-2.0
import Files

/// A byte-pair encoding model: the `model` section of tokenizer.json.
///
/// A word becomes symbols, its characters; then the pair of neighbours with the merge of lowest rank joins, the leftmost
/// of equals, until no merge applies (Sennrich et al. 2016). Works on UTF-8, or with `isByteLevel` on single bytes.
struct BytePairModel: Sendable {
  let vocabulary: Vocabulary
  let merges: MergeTable
  /// Whether the words are bytes, each a character of GPT-2's alphabet in the vocabulary.
  let isByteLevel: Bool
  /// Whether a word that is a token is that token, whatever the merges say (Llama 3).
  let ignoresMerges: Bool
  /// The token for characters that the vocabulary lacks; nil drops them.
  let unknown: Int32?
  /// Whether neighbouring unknown characters become one token.
  let fusesUnknown: Bool
  /// Tokens `<0x00>` … `<0xFF>` for the bytes of characters that the vocabulary lacks.
  let byteTokens: [Int32?]?
  /// Byte level: the symbol of each byte, −1 if the vocabulary lacks it. Otherwise the same for ASCII.
  let symbols: [Int32]

  /// - Parameter isByteLevel: what the pre-tokenizer says.
  init(_ json: JSONReader, isByteLevel: Bool) throws(InputError) {
    if let type = try json.ifPresent("type"), try type.string() != "BPE" { throw type.error(expected: "BPE") }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try json.ifPresent(key), try !affix.string().isEmpty { throw affix.error(expected: "null") }
    }
    if let dropout = try json.ifPresent("dropout"), try dropout.double() != 0 {
      throw dropout.error(expected: "null or 0 (random merges are for training a tokenizer's model)")
    }
    let vocabulary = try Vocabulary(try json.at("vocab"))
    self.vocabulary = vocabulary
    self.isByteLevel = isByteLevel
    ignoresMerges = try json.ifPresent("ignore_merges")?.bool() ?? false
    fusesUnknown = try json.ifPresent("fuse_unk")?.bool() ?? false
    unknown = try json.ifPresent("unk_token").map { (token) throws(InputError) -> Int32 in
      guard let id = vocabulary.id(of: try token.string()) else {
        throw token.error(expected: "a token of the vocabulary")
      }
      return id
    }
    let limit = isByteLevel ? 256 : 128
    symbols = (0..<limit).map { index in
      let scalar = Unicode.Scalar(isByteLevel ? ByteAlphabet.scalars[index] : UInt32(index))!
      return vocabulary.id(of: String(scalar)) ?? -1
    }
    byteTokens =
      try json.ifPresent("byte_fallback")?.bool() == true
      ? (0..<256).map { byte in
        let hex = String(byte, radix: 16, uppercase: true)
        return vocabulary.id(of: "<0x\(hex.count == 1 ? "0" : "")\(hex)>")
      } : nil
    if isByteLevel, byteTokens != nil, symbols.contains(-1) {
      throw json.child("byte_fallback", true).error(
        expected: "false, or every byte in the vocabulary, with a ByteLevel pre-tokenizer")
    }
    merges = try Self.merges(try json.at("merges"), vocabulary)
  }

  /// Reads merges written as `"left right"` or as `["left", "right"]`.
  private static func merges(_ json: JSONReader, _ vocabulary: Vocabulary) throws(InputError) -> MergeTable {
    let list = try json.array()
    let table = MergeTable(capacity: list.count)
    var joined: [UInt8] = []
    for (rank, merge) in list.enumerated() {
      func error(_ expected: String, _ found: String) -> InputError {
        JSONReader(merge, path: json.path, keyPath: "\(json.keyPath)[\(rank)]").error(expected: expected, found: found)
      }
      joined.removeAll(keepingCapacity: true)
      let border: Int
      switch merge {
      case .string(let text):
        if text.hasPrefix("#version") { continue }
        joined.append(contentsOf: text.utf8)
        guard let space = joined.firstIndex(of: 0x20), !joined[(space + 1)...].contains(0x20) else {
          throw error("two tokens with one space between them", merge.summary)
        }
        joined.remove(at: space)
        border = space
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
          throw error("two tokens", merge.summary)
        }
        joined.append(contentsOf: left.utf8)
        border = joined.count
        joined.append(contentsOf: right.utf8)
      default: throw error("two tokens", merge.summary)
      }
      let ids = joined.withUnsafeBufferPointer { joined in
        (
          vocabulary.id(of: UTF8Bytes(rebasing: joined[..<border])),
          vocabulary.id(of: UTF8Bytes(rebasing: joined[border...])), vocabulary.id(of: joined)
        )
      }
      guard let left = ids.0, let right = ids.1, let whole = ids.2 else {
        let (part, name) =
          ids.0 == nil
          ? (joined[..<border], "left") : ids.1 == nil ? (joined[border...], "right") : (joined[...], "joined")
        throw error(
          "tokens of the vocabulary", "\(name) part \"\(String(decoding: part, as: UTF8.self))\", which is none")
      }
      table.insert(left, right, MergeTable.Merge(rank: UInt32(rank), id: whole))
    }
    return table
  }

  // MARK: Words

  /// Appends the tokens of a word that is not empty.
  func tokenize(_ word: UTF8Bytes, _ workspace: inout BytePairWorkspace) {
    if ignoresMerges, let id = wholeWord(word) { return workspace.append(id, length: word.count) }
    guard word.count <= WordCache.longestWord else {
      return merge(word, &workspace)
    }
    let hash = byteHash(word)
    if workspace.cache.find(word, hash, appendingTo: &workspace.tokens) { return }
    let start = workspace.tokens.count
    merge(word, &workspace)
    workspace.cache.insert(word, hash, workspace.tokens[start...])
  }

  private func wholeWord(_ word: UTF8Bytes) -> Int32? {
    guard isByteLevel else { return vocabulary.id(of: word) }
    return ByteAlphabet.encode(word).withUnsafeBufferPointer { vocabulary.id(of: $0) }
  }

  private func merge(_ word: UTF8Bytes, _ workspace: inout BytePairWorkspace) {
    workspace.symbols.removeAll(keepingCapacity: true)
    var pending: BytePairWorkspace.Token?  // an unknown character that the next may join
    var position = 0
    while position < word.count {
      let (id, length) = symbol(in: word, at: position)
      if let id {
        if let token = pending { workspace.symbols.append(token) }
        pending = nil
        workspace.symbols.append(.init(id: id, length: Int32(length)))
      } else if let bytes = fallback(word, position, length) {
        // As in the tokenizers package, an unknown character before these bytes comes after them.
        for id in bytes { workspace.symbols.append(.init(id: id, length: 1)) }
      } else if let unknown {
        if let token = pending, !fusesUnknown {
          workspace.symbols.append(token)
          pending = nil
        }
        pending = .init(id: unknown, length: (pending?.length ?? 0) + Int32(length))
      }
      position += length
    }
    if let token = pending { workspace.symbols.append(token) }
    workspace.merge(by: merges)
  }

  @inline(__always) private func symbol(in word: UTF8Bytes, at position: Int) -> (id: Int32?, length: Int) {
    let byte = word[position]
    if isByteLevel || byte < 0x80 {
      let id = symbols[Int(byte)]
      return (id < 0 ? nil : id, 1)
    }
    let length = word.scalar(at: position).length
    return (vocabulary.id(of: UTF8Bytes(rebasing: word[position..<position + length])), length)
  }

  private func fallback(_ word: UTF8Bytes, _ position: Int, _ length: Int) -> [Int32]? {
    guard let byteTokens else { return nil }
    let ids = word[position..<position + length].compactMap { byteTokens[Int($0)] }
    return ids.count == length ? ids : nil
  }
}
