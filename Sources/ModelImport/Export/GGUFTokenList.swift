// SPDX-License-Identifier: Apache-2.0
import Files

/// The tokens of a `tokenizer.json`, each with its kind, as many as the embedding table has rows.
struct GGUFTokenList {
  /// Texts by id, each once.
  private(set) var texts: [String]
  private(set) var kinds: [GGUFVocabulary.Kind]
  private var ids: [String: Int] = [:]

  /// - Throws: `InputError` for an id beyond the table, or one that two tokens have.
  init(_ file: JSONReader, rows: Int) throws(InputError) {
    texts = (0..<rows).map { "[PAD\($0)]" }
    kinds = [GGUFVocabulary.Kind](repeating: .unused, count: rows)
    let model = try file.at("model")
    let hasBytes = try model.ifPresent("byte_fallback")?.bool() ?? false
    let unknown = try model.ifPresent("unk_token")?.string()
    let vocabulary = try model.at("vocab")
    for (token, id) in try vocabulary.object().members {
      let isByte = hasBytes && token.utf8.count == 6 && token.hasPrefix("<0x") && token.hasSuffix(">")
      try set(token, isByte ? .byte : .normal, vocabulary.child(token, id))
    }
    for token in try file.ifPresent("added_tokens")?.elements() ?? [] {
      let isSpecial = try token.ifPresent("special")?.bool() ?? false
      try set(try token.string(at: "content"), isSpecial ? .control : .userDefined, try token.at("id"), isAdded: true)
    }
    if hasBytes, let unknown, let id = ids[unknown] { kinds[id] = .unknown }
  }

  /// The id of a token, nil if there is none of that text.
  func id(of token: String) -> Int? { ids[token] }

  /// The merges in their order.
  func merges(_ file: JSONReader) throws(InputError) -> [(left: String, right: String)] {
    try file.at("model").at("merges").elements().map { merge throws(InputError) in
      var parts: [String]
      if case .string(let text) = merge.value {
        parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      } else {
        parts = try merge.elements().map { part throws(InputError) in try part.string() }
      }
      guard parts.count == 2, ids[parts[0]] != nil, ids[parts[1]] != nil else {
        throw merge.error(expected: "two tokens of the vocabulary")
      }
      return (parts[0], parts[1])
    }
  }

  private mutating func set(
    _ text: String, _ kind: GGUFVocabulary.Kind, _ place: JSONReader, isAdded: Bool = false
  ) throws(InputError) {
    let id = try place.int()
    guard texts.indices.contains(id) else {
      throw place.error(expected: "an id below the \(texts.count) rows of the embedding table", found: "\(id)")
    }
    // An added token may stand in the vocabulary too.
    guard kinds[id] == .unused || isAdded && texts[id] == text, ids[text] == nil || ids[text] == id else {
      throw place.error(expected: "an id for each token, and a token for each id", found: "\(id) for \(text), again")
    }
    (texts[id], kinds[id], ids[text]) = (text, kind, id)
  }
}

/// What a tokenizer of SentencePiece's kind does with spaces.
struct SentencePieceSpaces {
  /// Whether a text begins with one more.
  private(set) var isPrefixed = false
  private(set) var notes: [String] = []

  /// - Throws: `InputError` for a normaliser or pre-tokenizer of another kind.
  init(_ file: JSONReader) throws(InputError) {
    var replaces = false
    if let normalizer = try file.ifPresent("normalizer") {
      let isSequence = try normalizer.string(at: "type") == "Sequence"
      for step in isSequence ? try normalizer.at("normalizers").elements() : [normalizer] {
        switch step.value {
        case ["type": "Prepend", "prepend": "▁"]: isPrefixed = true
        case ["type": "Replace", "pattern": ["String": " "], "content": "▁"]: replaces = true
        default: throw step.error(expected: "Prepend of ▁, or Replace of a space by it")
        }
      }
    }
    guard let cutting = try file.ifPresent("pre_tokenizer") else {
      if !replaces { throw file.child("normalizer", nil).error(expected: "Replace of a space by ▁") }
      return
    }
    switch try cutting.string(at: "type") {
    // Gemma's, which finds no space where all have been replaced.
    case "Split" where replaces && cutting.value["pattern"] == ["String": " "]: break
    case "Metaspace" where !isPrefixed && cutting.value["replacement"] == "▁" && cutting.value["split"] == false:
      switch cutting.value["prepend_scheme"] {
      case "never": break
      case "always": isPrefixed = true
      default:
        isPrefixed = true
        notes.append(
          "In llama.cpp also a text that follows a special token begins with ▁; here only the first one does.")
      }
    default: throw cutting.error(expected: "none, Metaspace without cutting, or Gemma's Split at spaces")
    }
  }
}
