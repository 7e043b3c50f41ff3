// SPDX-License-Identifier: Apache-2.0
import Files

/// A byte-pair encoding model: the `model` section of tokenizer.json.
///
/// A word becomes symbols, its characters; then the pair of neighbours with the merge of lowest rank joins, the leftmost
/// of equals, until no merge applies (Sennrich et al. 2016). Works on UTF-8, or with `isByteLevel` on single bytes.
struct BytePairModel: WordModel {
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

  /// What every character of a word but the first is written with in the vocabulary.
  private let prefix: [UInt8]
  /// What the last character of a word is written with (CLIP: `</w>`).
  private let suffix: [UInt8]

  /// - Parameter isByteLevel: what the pre-tokenizer says. A model that cannot do its part says no all the same.
  init(_ json: JSONReader, isByteLevel: Bool) throws(InputError) {
    prefix = Array(try json.ifPresent("continuing_subword_prefix")?.string().utf8 ?? "".utf8)
    suffix = Array(try json.ifPresent("end_of_word_suffix")?.string().utf8 ?? "".utf8)
    let hasAffixes = !prefix.isEmpty || !suffix.isEmpty
    if let dropout = try json.ifPresent("dropout"), try dropout.double() != 0 {
      throw dropout.error(expected: "null or 0 (random merges are for training a tokenizer's model)")
    }
    let vocabulary = try Vocabulary(try json.at("vocab"))
    self.vocabulary = vocabulary
    ignoresMerges = try json.ifPresent("ignore_merges")?.bool() ?? false
    fusesUnknown = try json.ifPresent("fuse_unk")?.bool() ?? false
    unknown = try json.ifPresent("unk_token").map { (token) throws(InputError) -> Int32 in
      guard let id = vocabulary.id(of: try token.string()) else {
        throw token.error(expected: "a token of the vocabulary")
      }
      return id
    }
    let bytes = ByteAlphabet.scalars.map { vocabulary.id(of: String(Unicode.Scalar($0)!)) ?? -1 }
    byteTokens =
      try json.ifPresent("byte_fallback")?.bool() == true
      ? (0..<256).map { vocabulary.id(of: TokenDecoder.token(ofByte: UInt8($0))) } : nil
    if byteTokens != nil, hasAffixes {
      throw json.child("byte_fallback", true).error(
        expected: "false beside continuing_subword_prefix and end_of_word_suffix")
    }
    self.isByteLevel = isByteLevel && !hasAffixes && (byteTokens == nil || !bytes.contains(-1))
    symbols =
      self.isByteLevel ? bytes : (0..<128).map { vocabulary.id(of: String(Unicode.Scalar(UInt8($0)))) ?? -1 }
    merges = try Self.merges(try json.at("merges"), vocabulary, prefix: prefix.count)
  }

  /// Reads merges written as `"left right"` or as `["left", "right"]`. The right one loses its prefix of so many bytes.
  private static func merges(
    _ json: JSONReader, _ vocabulary: Vocabulary, prefix: Int
  ) throws(InputError) -> MergeTable {
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
      let parts = joined.withUnsafeBufferPointer { joined in
        (
          vocabulary.id(of: UTF8Bytes(rebasing: joined[..<border])),
          vocabulary.id(of: UTF8Bytes(rebasing: joined[border...]))
        )
      }
      if prefix > 0 { joined.removeSubrange(border..<min(border + prefix, joined.count)) }
      let ids = (parts.0, parts.1, joined.withUnsafeBufferPointer { vocabulary.id(of: $0) })
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

  func cut(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    if ignoresMerges, let id = wholeWord(word) { return workspace.append(id, length: word.count) }
    merge(word, &workspace)
  }

  var cost: TextCost { TextCost() }

  private func wholeWord(_ word: UTF8Bytes) -> Int32? {
    guard isByteLevel else { return vocabulary.id(of: word) }
    return ByteAlphabet.encode(word).withUnsafeBufferPointer { vocabulary.id(of: $0) }
  }

  private func merge(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    workspace.symbols.removeAll(keepingCapacity: true)
    var pending: TokenWorkspace.Token?  // an unknown character that the next may join
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
    if !prefix.isEmpty || !suffix.isEmpty { return affixedSymbol(in: word, at: position) }
    let byte = word[position]
    if isByteLevel || byte < 0x80 {
      let id = symbols[Int(byte)]
      return (id < 0 ? nil : id, 1)
    }
    let length = word.scalar(at: position).length
    return (vocabulary.id(of: UTF8Bytes(rebasing: word[position..<position + length])), length)
  }

  private func affixedSymbol(in word: UTF8Bytes, at position: Int) -> (id: Int32?, length: Int) {
    let length = word.scalar(at: position).length
    var symbol = position > 0 ? prefix : []
    symbol.append(contentsOf: word[position..<position + length])
    if position + length == word.count { symbol.append(contentsOf: suffix) }
    return (symbol.withUnsafeBufferPointer { vocabulary.id(of: $0) }, length)
  }

  private func fallback(_ word: UTF8Bytes, _ position: Int, _ length: Int) -> [Int32]? {
    guard let byteTokens else { return nil }
    let ids = word[position..<position + length].compactMap { byteTokens[Int($0)] }
    return ids.count == length ? ids : nil
  }
}
