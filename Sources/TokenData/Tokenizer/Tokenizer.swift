// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens
import Synchronization

/// A tokenizer read from a Hugging Face `tokenizer.json`.
///
/// It has the models of the `tokenizers` package – byte-pair encoding (GPT-2, Llama, Qwen, Gemma, CLIP), Unigram (T5,
/// XLM-RoBERTa), WordPiece (BERT) and whole words – and gives the ids, offsets and text that the package gives. What the
/// file asks for and this does not do is refused when the file is read; its `truncation` and `padding` are for the
/// package's own batches, and are ignored.
///
///     let tokenizer = try Tokenizer(folder: "SmolLM2-135M-Instruct")
///     let encoding = tokenizer.encode("y = 3.14")
///     tokenizer.decode(encoding.ids)                     // "y = 3.14"
///
/// All methods may be called from several threads at once.
public final class Tokenizer: Sendable, TokenVocabulary {
  let model: TokenizerModel
  let vocabulary: Vocabulary
  /// What the model says, kept for the loop over tokens.
  private let isByteLevel: Bool
  let added: AddedTokens
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer?
  let postProcessor: PostProcessor?
  let decoder: TokenDecoder?
  private let workspaces = Mutex<[TokenWorkspace]>([])

  /// Number of ids, 0 ..< count, added tokens included.
  public let count: Int
  /// Most bytes of a text that can be encoded: with most tokenizers 64 MiB, less with one that makes texts longer or
  /// looks for expressions of its own in them.
  public let longestText: Int
  /// What the folder's configuration says of tokens with a role; all empty if only a tokenizer.json was read.
  public let roles: TokenRoles

  /// Reads `tokenizer.json` of a model's folder, and the roles of tokens from the configuration files beside it.
  ///
  /// - Throws: `InputError` naming the file and the key, for anything absent, malformed or not supported.
  public convenience init(folder: String) throws(InputError) {
    if !fileExists(folder + "/tokenizer.json"), fileExists(folder + "/tokenizer.model") {
      throw InputError(
        path: folder, expected: "tokenizer.json", found: "only tokenizer.model",
        remedy: "Load the folder with transformers' AutoTokenizer and save_pretrained it, which writes tokenizer.json.")
    }
    try self.init(json: folder + "/tokenizer.json", folder: folder)
  }

  /// Reads a `tokenizer.json` by itself.
  ///
  /// - Throws: `InputError` naming the key, for anything absent, malformed or not supported.
  public convenience init(json path: String) throws(InputError) {
    try self.init(json: path, folder: nil)
  }

  private init(json path: String, folder: String?) throws(InputError) {
    let json = try JSONReader(file: path)
    if let version = try json.ifPresent("version"), try version.string() != "1.0" {
      throw version.error(expected: "1.0")
    }
    let normalizer = try json.ifPresent("normalizer").map { (json) throws(InputError) in try Normalizer(json) }
    var preTokenizer = try json.ifPresent("pre_tokenizer").map { (json) throws(InputError) in try PreTokenizer(json) }
    decoder = try json.ifPresent("decoder").map { (json) throws(InputError) in try TokenDecoder(json) }
    if let decoder { try decoder.cost.check(try json.at("decoder")) }
    var cost = normalizer?.cost ?? TextCost()
    if normalizer != nil { try cost.check(try json.at("normalizer")) }
    let model = try TokenizerModel(try json.at("model"), isByteLevel: preTokenizer?.isByteLevel ?? false)
    if let steps = preTokenizer, steps.isByteLevel, !model.model.isByteLevel {
      preTokenizer = .sequence([steps, .byteAlphabet])
    }
    if let preTokenizer { cost.then(preTokenizer.cost) }
    cost.then(model.model.cost)
    longestText = cost.longestText
    let vocabulary = model.model.vocabulary
    let added = try AddedTokens(try json.ifPresent("added_tokens"), vocabulary, normalizer)
    let count = max(vocabulary.count, Int(added.tokens.keys.max() ?? -1) + 1)
    postProcessor = try json.ifPresent("post_processor").map { (json) throws(InputError) in
      try PostProcessor(json, count: count)
    }
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.model = model
    self.vocabulary = vocabulary
    isByteLevel = model.model.isByteLevel
    self.added = added
    self.count = count
    roles =
      try folder.map { (folder) throws(InputError) in
        try TokenRoles(folder: folder, count: count) { added.id(of: $0) ?? vocabulary.id(of: $0) }
      } ?? TokenRoles()
  }

  // MARK: Tokens

  /// The id of a token as the file spells it (`Ġthe`, `<|im_end|>`).
  public func id(of token: String) -> Int32? { added.id(of: token) ?? vocabulary.id(of: token) }

  /// A token as the file spells it.
  public func token(of id: Int32) -> String? { added.tokens[id]?.content ?? vocabulary.string(of: id) }

  /// Whether a token is special: a mark for the model, no text.
  public func isSpecial(_ id: Int32) -> Bool { added.tokens[id]?.isSpecial ?? false }

  /// The text a token stands for in the middle of a sentence; nil for special tokens and for bytes that are not text.
  public func text(of id: Int32) -> String? {
    guard !isSpecial(id), let token = spelling(of: id) else { return nil }
    switch decoder {
    case .byteLevel: return String(validating: ByteAlphabet.decode(token) ?? Array(token), as: UTF8.self)
    case let decoder?:
      if let byte = TokenDecoder.byte(String(decoding: token, as: UTF8.self)), byte >= 0x80 { return nil }
      return decoder.textInside(token)
    case nil: return " " + String(decoding: token, as: UTF8.self)
    }
  }

  private func spelling(of id: Int32) -> ArraySlice<UInt8>? {
    added.tokens[id].map { Array($0.pattern.utf8)[...] } ?? vocabulary.bytes(of: id)
  }

  // MARK: Text to tokens

  /// The tokens of a text, with the part of it that each stands for.
  ///
  /// Texts from outside go through ``check(_:source:)`` first.
  ///
  /// - Parameter addSpecialTokens: whether the post-processor adds its tokens (begin of text, …).
  public func encode(_ text: String, addSpecialTokens: Bool = true) -> Encoding {
    let split = split(text)
    let map = ScalarMap(text)
    let trims = postProcessor?.trims ?? false
    var encoding = Encoding()
    var spaces: [TokenSpaces] = []
    tokenize(split) { part, tokens in
      forEachPlace(of: tokens, in: part, split.text.bytes) { token, place in
        encoding.ids.append(token)
        encoding.offsets.append(map.scalars(of: split.text.original(of: place)))
        if trims {
          // An added token, and what Unigram does not know, count as they stand in the text.
          let isSpelt = part.isText && token != model.unspelt
          spaces.append(TokenSpaces(isSpelt ? vocabulary.bytes(of: token)! : split.text.bytes[place]))
        }
      }
    }
    encoding.body = 0..<encoding.ids.count
    postProcessor?.apply(to: &encoding, &spaces, addSpecialTokens: addSpecialTokens)
    return encoding
  }

  /// Visits the tokens of a part with the bytes that each stands for: each begins where the one before ends.
  @inline(__always) private func forEachPlace(
    of tokens: ArraySlice<TokenWorkspace.Token>, in part: Split, _ bytes: [UInt8],
    _ body: (Int32, Range<Int>) -> Void
  ) {
    var position = Int(part.start)
    for token in tokens { position += Int(token.length) }
    guard position == part.end || !isByteLevel else {
      return forEachPlaceWithGaps(of: tokens, in: part, bytes, body)
    }
    position = Int(part.start)
    var place = position..<position
    for token in tokens {
      if token.length > 0 { place = position..<position + Int(token.length) }
      body(token.id, place)
      position = place.upperBound
    }
  }

  /// The same where the vocabulary lacks bytes of the word. The tokenizers package drops them, counts on as if the rest
  /// began there, and counts in the UTF-8 of the characters that stand for bytes. So must we.
  private func forEachPlaceWithGaps(
    of tokens: ArraySlice<TokenWorkspace.Token>, in part: Split, _ bytes: [UInt8],
    _ body: (Int32, Range<Int>) -> Void
  ) {
    var origins: [Int] = []  // the byte behind each byte of the characters
    for index in part.range {
      origins.append(contentsOf: repeatElement(index, count: ByteAlphabet.scalars[Int(bytes[index])] < 0x80 ? 1 : 2))
    }
    var position = 0
    for token in tokens {
      let end = position + vocabulary.bytes(of: token.id)!.count
      body(token.id, origins[position]..<origins[end - 1] + 1)
      position = end
    }
  }

  /// The ids of a text without those that the post-processor adds.
  public func ids(of text: String) -> [Int32] {
    var ids: [Int32] = []
    tokenize(split(text)) { _, tokens in
      for token in tokens { ids.append(token.id) }
    }
    return ids
  }

  /// All that comes before the model: added tokens out, normalized, cut into words.
  private func split(_ text: String) -> SplitText {
    precondition(text.utf8.count < Int(Int32.max) / 4, "a text of \(text.utf8.count) bytes: split it")
    var split = SplitText(text: AlignedText(original: text), splits: text.isEmpty ? [] : [Split(0..<text.utf8.count)])
    added.cutOriginal(&split)
    normalizer?.apply(to: &split)
    added.cutNormalized(&split)
    preTokenizer?.apply(to: &split)
    return split
  }

  /// Visits the parts in order with their tokens.
  private func tokenize(_ split: SplitText, _ body: (Split, ArraySlice<TokenWorkspace.Token>) -> Void) {
    switch model {
    case .bytePair(let model): tokenize(split, by: model, body)
    case .unigram(let model): tokenize(split, by: model, body)
    case .wordPiece(let model): tokenize(split, by: model, body)
    case .wordLevel(let model): tokenize(split, by: model, body)
    }
  }

  private func tokenize(
    _ split: SplitText, by model: some WordModel, _ body: (Split, ArraySlice<TokenWorkspace.Token>) -> Void
  ) {
    var workspace = workspaces.withLock { $0.popLast() } ?? TokenWorkspace()
    defer { workspaces.withLock { $0.append(workspace) } }
    split.text.bytes.withUnsafeBufferPointer { bytes in
      for part in split.splits {
        workspace.tokens.removeAll(keepingCapacity: true)
        if part.isText {
          model.tokenize(UTF8Bytes(rebasing: bytes[part.range]), &workspace)
        } else {
          workspace.append(part.token, length: part.range.count)
        }
        body(part, workspace.tokens[...])
      }
    }
  }

  // MARK: Tokens to text

  /// The text of tokens. Ids that are no token are left out.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = true) -> String {
    let tokens = ids.compactMap { id in skipSpecialTokens && added.isSkipped(id) ? nil : spelling(of: id) }
    guard let decoder else { return tokens.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
    return decoder.decode(tokens)
  }
}

/// From bytes of a text to its scalars.
private struct ScalarMap {
  /// Index of the scalar that each byte belongs to; empty for ASCII, where the two are the same.
  private var indices: [Int32] = []

  init(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      guard bytes.contains(where: { $0 >= 0x80 }) else { return }
      indices.reserveCapacity(bytes.count)
      var index: Int32 = -1
      for byte in bytes {
        if byte & 0xC0 != 0x80 { index += 1 }
        indices.append(index)
      }
    }
  }

  @inline(__always) func scalars(of bytes: Range<Int>) -> Range<Int> {
    if indices.isEmpty { return bytes }
    guard bytes.lowerBound < indices.count else { return Int(indices.last!) + 1..<Int(indices.last!) + 1 }
    let start = Int(indices[bytes.lowerBound])
    return bytes.isEmpty ? start..<start : start..<Int(indices[bytes.upperBound - 1]) + 1
  }
}
