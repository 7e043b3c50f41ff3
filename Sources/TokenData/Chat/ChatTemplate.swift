// SPDX-License-Identifier: Apache-2.0
public import Files

/// The tokens that templates write by their role, Jinja's `bos_token` and `eos_token`, as texts.
public struct TemplateTokens: Sendable, Hashable {
  /// Begin of text; nil: the one of the models that the template comes from.
  public var begin: String?
  /// End of text; nil: likewise.
  public var end: String?

  /// Memberwise.
  public init(begin: String? = nil, end: String? = nil) { (self.begin, self.end) = (begin, end) }

  /// Those that a tokenizer's configuration names.
  public init(_ tokenizer: Tokenizer) {
    begin = tokenizer.roles.begin.flatMap { tokenizer.token(of: $0) }
    end = tokenizer.roles.end.flatMap { tokenizer.token(of: $0) }
  }
}

/// The ways of models to write a conversation as one text, equal to the Jinja templates that come with them.
///
/// All that the rest of the library asks of a template is what it writes (``render(_:addGenerationPrompt:tokens:)``), the
/// marks that it needs as tokens and that end its answers (``marks(_:)``, ``ends(_:)``), and its Jinja text for other
/// programs (``jinja(_:)``).
public enum ChatTemplate: Sendable, Hashable {
  /// OpenAI's ChatML: `<|im_start|>role … <|im_end|>`.
  case chatml
  /// ChatML with SmolLM2's system prompt where the conversation has none.
  case smollm2
  /// Llama 3.
  case llama3
  /// Llama 3.1 and later, without tools: a system turn with the date, which the template has as `26 Jul 2024`.
  case llama31(date: String = "26 Jul 2024")
  /// Phi-3.5.
  case phi3
  /// Phi-3-mini: as Phi-3.5, but an empty system message is written, too.
  case phi3Mini
  /// Phi-3-Vision and Phi-3.5-vision: as Phi-3, but nothing follows the last message, and an answer is not gone on
  /// with.
  case phi3Vision
  /// LLaVA 1.5's `v1`, Vicuna's: `USER: … ASSISTANT: …</s>`.
  case llavaV1
  /// One that is none of these, as the model's folder has it.
  case interpreted(InterpretedTemplate)

  /// Names for run files and flags: `chatml`, `smollm2`, `llama3`, `llama3.1`, `phi3`, `phi3-mini`, `phi3-vision`,
  /// `llava-v1`.
  public static let named: [(name: String, template: ChatTemplate)] = [
    ("chatml", .chatml), ("smollm2", .smollm2), ("llama3", .llama3), ("llama3.1", .llama31()), ("phi3", .phi3),
    ("phi3-mini", .phi3Mini), ("phi3-vision", .phi3Vision), ("llava-v1", .llavaV1),
  ]

  /// The template of a name in `named`.
  public init?(named name: String) {
    guard let found = Self.named.first(where: { $0.name == name }) else { return nil }
    self = found.template
  }

  /// SmolLM2's system prompt.
  public static let smollm2System = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
  /// Vicuna's system prompt.
  public static let vicunaSystem =
    "A chat between a curious user and an artificial intelligence assistant. "
    + "The assistant gives helpful, detailed, and polite answers to the user's questions."

  /// The text of a conversation.
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: whether it ends where the assistant is to go on.
  ///   - tokens: the tokenizer's begin and end.
  /// - Throws: `InputError` if the template has no place for a message (`place` is its index).
  public func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool = false, tokens: TemplateTokens = TemplateTokens()
  ) throws(InputError) -> RenderedChat {
    if case .interpreted(let template) = self {
      return try template.render(messages, addGenerationPrompt: addGenerationPrompt)
    }
    try check(messages)
    var writer = ChatWriter()
    var rest = messages[...]
    switch self {
    case .chatml: break
    case .smollm2:
      if let first = messages.first, first.role != .system {
        writer.write("<|im_start|>system\n\(Self.smollm2System)<|im_end|>\n")
      }
    case .llama3:
      if !messages.isEmpty { writer.write(begin(tokens)) }
    case .llama31(let date):
      writer.write(begin(tokens))
      writer.write("<|start_header_id|>system<|end_header_id|>\n\n")
      writer.write("Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\n")
      if let first = messages.first, first.role == .system {
        writer.message(first.content, trims: true, end: "<|eot_id|>")
        rest = messages.dropFirst()
      } else {
        writer.write("<|eot_id|>")
      }
    case .phi3, .phi3Mini, .phi3Vision: break
    case .llavaV1:
      if let first = messages.first, first.role == .system {
        writer.message(first.content, end: "", after: " ")
        rest = messages.dropFirst()
      } else {
        writer.write(Self.vicunaSystem + " ")
      }
    case .interpreted: break
    }
    for message in rest { write(message, &writer, tokens) }
    writer.write(close(addGenerationPrompt, after: messages.last?.role, tokens))
    return RenderedChat(text: writer.text, spans: writer.spans)
  }

  private func write(_ message: ChatMessage, _ writer: inout ChatWriter, _ tokens: TemplateTokens) {
    let role = message.role.rawValue
    switch self {
    case .chatml, .smollm2:
      writer.write("<|im_start|>\(role)\n")
      writer.message(message.content, end: "<|im_end|>", after: "\n")
    case .llama3, .llama31:
      writer.write("<|start_header_id|>\(role)<|end_header_id|>\n\n")
      writer.message(message.content, trims: true, end: "<|eot_id|>")
    case .phi3, .phi3Mini, .phi3Vision:
      if self == .phi3, message.role == .system, message.content.isEmpty { return writer.message("", end: "") }
      writer.write("<|\(role)|>\n")
      writer.message(message.content, end: "<|end|>", after: "\n")
    case .llavaV1:
      let isUser = message.role == .user
      writer.write(isUser ? "USER:" : "ASSISTANT:")
      writer.message(message.content, lead: " ", end: isUser ? "" : end(tokens), after: isUser ? " " : "")
    case .interpreted: break
    }
  }

  /// Text after the last message.
  private func close(_ addGenerationPrompt: Bool, after last: ChatMessage.Role?, _ tokens: TemplateTokens) -> String {
    switch self {
    case .chatml, .smollm2: addGenerationPrompt ? "<|im_start|>assistant\n" : ""
    case .llama3, .llama31: addGenerationPrompt ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : ""
    case .phi3, .phi3Mini: addGenerationPrompt ? "<|assistant|>\n" : end(tokens)
    case .phi3Vision: addGenerationPrompt && last != .assistant ? "<|assistant|>\n" : ""
    case .llavaV1: addGenerationPrompt ? "ASSISTANT:" : ""
    case .interpreted: ""
    }
  }

  private func check(_ messages: [ChatMessage]) throws(InputError) {
    guard self == .llavaV1 else { return }
    let turns = messages.first?.role == .system ? 1 : 0
    for (index, message) in messages.enumerated().dropFirst(turns) {
      let expected: ChatMessage.Role = (index - turns) % 2 == 0 ? .user : .assistant
      guard message.role == expected else {
        throw InputError(
          path: "<messages>", place: "message \(index)", expected: "role \(expected.rawValue)",
          found: message.role.rawValue, remedy: "In this chat template user and assistant take turns.")
      }
    }
  }
}
