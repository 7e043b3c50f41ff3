// SPDX-License-Identifier: Apache-2.0
/// Agreement of template and tokenizer: the texts that are to be tokens.
extension ChatTemplate {
  /// The name in ``named``.
  public var name: String {
    if case .llama31 = self { return "llama3.1" }
    if case .interpreted = self { return "model" }
    return Self.named.first { $0.template == self }?.name ?? "?"
  }

  /// The texts it writes that are meant to be one token each.
  public func marks(_ tokens: TemplateTokens) -> [String] {
    switch self {
    case .chatml, .smollm2: ["<|im_start|>", "<|im_end|>"]
    case .llama3, .llama31: [begin(tokens), "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    case .phi3, .phi3Mini: ["<|user|>", "<|assistant|>", "<|end|>", end(tokens)]
    case .phi3Vision: ["<|user|>", "<|assistant|>", "<|end|>"]
    case .llavaV1: [end(tokens)]
    case .interpreted(let template): template.marks
    }
  }

  /// The marks that end an answer.
  public func ends(_ tokens: TemplateTokens) -> [String] {
    switch self {
    case .chatml, .smollm2: ["<|im_end|>"]
    case .llama3, .llama31: ["<|eot_id|>"]
    case .phi3, .phi3Mini, .phi3Vision: ["<|end|>"]
    case .llavaV1: [end(tokens)]
    case .interpreted(let template): template.ends
    }
  }

  /// Value of Jinja's `bos_token`.
  func begin(_ tokens: TemplateTokens) -> String { tokens.begin ?? "<|begin_of_text|>" }

  /// Value of Jinja's `eos_token`.
  func end(_ tokens: TemplateTokens) -> String { tokens.end ?? (self == .llavaV1 ? "</s>" : "<|endoftext|>") }

  /// Names of the templates all of whose marks a tokenizer has as tokens.
  public static func names(fitting tokenizer: Tokenizer) -> [String] {
    named.filter { $0.template.marks(TemplateTokens()).allSatisfy { tokenizer.id(ofMark: $0) != nil } }.map(\.name)
  }

  /// Remarks on this template with a tokenizer that lacks its marks; empty if it has them.
  public func remarks(_ tokenizer: Tokenizer) -> [String] {
    let tokens = TemplateTokens(tokenizer)
    func isMissing(_ mark: String) -> Bool { tokenizer.id(ofMark: mark) == nil }
    let missing = marks(tokens).filter(isMissing)
    guard !missing.isEmpty else { return [] }
    var remark =
      "template \(name): \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is no token" : "are no tokens") of "
      + "this tokenizer, which spells \(missing.count == 1 ? "it" : "them") in pieces"
    if ends(tokens).allSatisfy(isMissing) {
      remark +=
        ": no token ends an answer. dist2 stops where the text \(ends(tokens).joined(separator: " or ")) is written, other "
        + "programs go on"
    }
    let others = Self.names(fitting: tokenizer)
    return [remark + (others.isEmpty ? "" : ". It has the marks of \(others.joined(separator: ", "))")]
  }
}

extension Tokenizer {
  /// The token that a mark becomes wherever it stands; nil if it is spelled in pieces.
  func id(ofMark mark: String) -> Int32? {
    let alone = ids(of: mark)
    guard alone.count == 1, let id = alone.first, ids(of: "7\(mark)\n").contains(id) else { return nil }
    return id
  }
}
