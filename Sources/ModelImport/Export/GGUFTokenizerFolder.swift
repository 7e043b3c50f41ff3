// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

/// The tokenizer of a Hugging Face folder as metadata of a GGUF file.
struct GGUFTokenizerFolder {
  /// Keys and values.
  let metadata: [(key: String, value: GGUFEntry)]
  /// What llama.cpp does otherwise than the folder, for the user.
  let notes: [String]

  /// - Parameter rows: tokens that the embedding table has rows for; those without a text get one that no text has.
  /// - Throws: `InputError` that names the part of `tokenizer.json` that llama.cpp has no equal of.
  init(folder: String, rows: Int) throws(InputError) {
    let file = try JSONReader(file: folder + "/tokenizer.json")
    let tokens = try GGUFTokenList(file, rows: rows)
    let kind = try Self.kind(file, tokens)
    let roles = try Tokenizer(folder: folder).roles
    var metadata = kind.metadata
    metadata.append(("tokenizer.ggml.tokens", .strings(tokens.texts)))
    metadata.append(("tokenizer.ggml.token_type", .int32s(tokens.kinds.map { Int32($0.rawValue) })))
    func add(_ name: String, _ id: Int32?) {
      if let id { metadata.append(("tokenizer.ggml.\(name)_token_id", .count(Int(id)))) }
    }
    add("bos", roles.begin)
    let end = roles.end ?? roles.ends.first
    add("eos", end)
    for (name, id) in zip(["eot", "eom"], roles.ends.filter { $0 != end }) { add(name, id) }
    add("unknown", roles.unknown)
    add("padding", roles.pad)
    let frame = try Self.frame(file)
    for (name, token, role) in [("bos", frame.first, roles.begin), ("eos", frame.last, roles.end)] {
      if let token, role.map({ Int($0) }) != tokens.id(of: token) {
        throw try file.at("post_processor").error(
          expected: "no token around a text but those of \(name)_token in tokenizer_config.json", found: token)
      }
      metadata.append(("tokenizer.ggml.add_\(name)_token", .bool(token != nil)))
    }
    if let template = try FolderTemplate.text(inFolder: folder) {
      metadata.append(("tokenizer.chat_template", .string(template)))
    }
    (self.metadata, notes) = (metadata, kind.notes)
  }

  /// What is of one kind of tokenizer.
  private static func kind(_ file: JSONReader, _ tokens: GGUFTokenList) throws(InputError) -> GGUFTokenizerKind {
    let model = try file.at("model")
    guard try model.ifPresent("type")?.string() ?? "BPE" == "BPE" else {
      throw try model.at("type").error(expected: "BPE, the only kind of vocabulary that a GGUF file of these holds")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try model.ifPresent(key), try affix.string() != "" { throw affix.error(expected: "null") }
    }
    if let dropout = try model.ifPresent("dropout"), try dropout.double() != 0 { throw dropout.error(expected: "null") }
    let falls = try model.ifPresent("byte_fallback")?.bool() ?? false
    return falls ? try .sentencePiece(file, tokens) : try .byteLevel(file, tokens)
  }

  /// The tokens that the post-processor puts before and after a text.
  private static func frame(_ file: JSONReader) throws(InputError) -> (first: String?, last: String?) {
    guard let processor = try file.ifPresent("post_processor") else { return (nil, nil) }
    var steps = [processor]
    if try processor.string(at: "type") == "Sequence" { steps = try processor.at("processors").elements() }
    var frame: (first: String?, last: String?) = (nil, nil)
    for step in steps {
      switch try step.string(at: "type") {
      case "ByteLevel": continue  // of offsets alone
      case "TemplateProcessing":
        var hasText = false
        for piece in try step.at("single").elements() {
          guard let token = try piece.ifPresent("SpecialToken")?.string(at: "id") else {
            hasText = true
            continue
          }
          guard hasText ? frame.last == nil : frame.first == nil else {
            throw piece.error(expected: "one token before a text and one after it, at most", found: "more")
          }
          if hasText { frame.last = token } else { frame.first = token }
        }
      default: throw step.error(expected: "ByteLevel or TemplateProcessing", found: try step.string(at: "type"))
      }
    }
    return frame
  }
}

/// What byte-level tokenizers and SentencePiece's have apart.
struct GGUFTokenizerKind {
  var metadata: [(key: String, value: GGUFEntry)]
  var notes: [String] = []

  /// Byte-level BPE, by the name of its rules.
  static func byteLevel(_ file: JSONReader, _ tokens: GGUFTokenList) throws(InputError) -> GGUFTokenizerKind {
    guard let cutting = try file.ifPresent("pre_tokenizer") else {
      throw file.child("pre_tokenizer", nil).error(expected: "the rules by which text is cut")
    }
    let steps = Self.steps(cutting.value)
    let ignores = try file.at("model").ifPresent("ignore_merges")?.bool() ?? false
    let known = CuttingRules.allCases.filter { Self.steps($0.preTokenizer) == steps }
    guard let rules = known.first(where: { $0.ignoresMerges == ignores }) else {
      let remedy = "A guess would make other tokens in llama.cpp; write a Hugging Face folder instead."
      guard known.isEmpty else {
        throw try file.at("model").error(
          expected: "ignore_merges \(!ignores), as llama.cpp has it for \(known[0].names[0])", found: "\(ignores)",
          remedy: remedy)
      }
      throw cutting.error(
        expected: "the rules of " + CuttingRules.allCases.map { $0.names[0] }.joined(separator: ", "), remedy: remedy)
    }
    if let normalizer = try file.ifPresent("normalizer"), normalizer.value != rules.normalizer {
      throw normalizer.error(expected: rules.normalizer == nil ? "null" : "null or NFC")
    }
    return GGUFTokenizerKind(metadata: [
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(rules.names[0])),
      ("tokenizer.ggml.merges", .strings(try tokens.merges(file).map { $0.left + " " + $0.right })),
    ])
  }

  /// The steps of a pre-tokenizer, without what concerns offsets alone.
  private static func steps(_ json: JSON) -> [JSON] {
    if json["type"] == "Sequence", case .array(let steps)? = json["pretokenizers"] { return steps.flatMap(Self.steps) }
    guard json["type"] == "ByteLevel", case .object(var object) = json else { return [json] }
    object["trim_offsets"] = true
    if object["use_regex"] == nil { object["use_regex"] = true }
    return [.object(object)]
  }

  /// SentencePiece's BPE with bytes for what the vocabulary lacks, by scores.
  static func sentencePiece(_ file: JSONReader, _ tokens: GGUFTokenList) throws(InputError) -> GGUFTokenizerKind {
    let spaces = try SentencePieceSpaces(file)
    let merges = try tokens.merges(file)
    // A token's score is better the sooner it is made.
    var ranks: [String: Int] = [:]
    for (rank, merge) in merges.enumerated() where ranks[merge.left + merge.right] == nil {
      ranks[merge.left + merge.right] = rank
    }
    let scores = tokens.texts.indices.map { -Double(ranks[tokens.texts[$0]] ?? merges.count + $0) }
    let mergeable = Set(tokens.kinds.indices.filter { tokens.kinds[$0] == .normal || tokens.kinds[$0] == .userDefined })
    let implied = SentencePieceMerge.all(tokens.texts, mergeable: mergeable, scores: scores)
    guard implied.count == merges.count, zip(implied, merges).allSatisfy({ $0.left == $1.left && $0.right == $1.right })
    else {
      throw try file.at("model").at("merges").error(
        expected: "for every token all ways to make it of two others, as SentencePiece has them, the best token first",
        found: "\(merges.count) merges where \(implied.count) are possible, or another order",
        remedy: "llama.cpp merges by scores, which would make other tokens; write a Hugging Face folder instead.")
    }
    return GGUFTokenizerKind(
      metadata: [
        ("tokenizer.ggml.model", .string("llama")), ("tokenizer.ggml.pre", .string("default")),
        ("tokenizer.ggml.scores", .float32s(scores.map(Float.init))),
        ("tokenizer.ggml.add_space_prefix", .bool(spaces.isPrefixed)),
      ], notes: spaces.notes)
  }
}
