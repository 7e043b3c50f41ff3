public import Files

/// One turn of a conversation.
public struct ChatMessage: Sendable, Hashable {
  /// Who speaks.
  public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    /// Instructions before the conversation.
    case system
    /// The person.
    case user
    /// The model.
    case assistant
  }

  /// Who speaks.
  public var role: Role
  /// What is said.
  public var content: String

  /// Memberwise.
  public init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// A conversation as the text a model reads.
public struct RenderedChat: Sendable, Hashable {
  /// Where one message stands, in Unicode scalars of the text (as `Encoding.offsets` counts).
  public struct Span: Sendable, Hashable {
    /// What was said.
    public var content: Range<Int>
    /// What was said and the mark that ends it: of an assistant's message, all that the model itself must write.
    public var withEnd: Range<Int>
  }

  /// The text, to be encoded without the tokenizer's own special tokens if `hasBegin`.
  public var text: String
  /// One span for each message, in order.
  public var spans: [Span]
  /// Whether the text begins with the begin-of-text token, so that the tokenizer must not add another.
  public var hasBegin: Bool
}

/// The ways of models to write a conversation as one text, equal to the Jinja templates that come with them.
public enum ChatTemplate: Sendable, Hashable {
  /// OpenAI's ChatML: `<|im_start|>role … <|im_end|>`.
  case chatml
  /// ChatML with SmolLM2's system prompt where the conversation has none.
  case smollm2
  /// Llama 3.
  case llama3
  /// Llama 3.1 and later, without tools: a system turn with the date, which the template has as `26 Jul 2024`.
  case llama31(date: String = "26 Jul 2024")
  /// Phi-3 and Phi-3.5.
  case phi3
  /// Phi-3-Vision and Phi-3.5-vision: as Phi-3, but nothing follows the last message, and an answer is not gone on with.
  case phi3Vision
  /// LLaVA 1.5's `v1`, Vicuna's: `USER: … ASSISTANT: …</s>`.
  case llavaV1

  /// Names for run files and flags: `chatml`, `smollm2`, `llama3`, `llama3.1`, `phi3`, `phi3-vision`, `llava-v1`.
  public static let named: [(name: String, template: ChatTemplate)] = [
    ("chatml", .chatml), ("smollm2", .smollm2), ("llama3", .llama3), ("llama3.1", .llama31()), ("phi3", .phi3),
    ("phi3-vision", .phi3Vision), ("llava-v1", .llavaV1),
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
  /// - Parameter addGenerationPrompt: whether it ends where the assistant is to go on.
  /// - Throws: `InputError` if the template has no place for a message (`place` is its index).
  public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool = false) throws(InputError) -> RenderedChat {
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
      if !messages.isEmpty { writer.begin("<|begin_of_text|>") }
    case .llama31(let date):
      writer.begin("<|begin_of_text|>")
      writer.write("<|start_header_id|>system<|end_header_id|>\n\n")
      writer.write("Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\n")
      if let first = messages.first, first.role == .system {
        writer.message(first.content.trimmed, end: "<|eot_id|>")
        rest = messages.dropFirst()
      } else {
        writer.write("<|eot_id|>")
      }
    case .phi3, .phi3Vision: break
    case .llavaV1:
      if let first = messages.first, first.role == .system {
        writer.message(first.content, end: "", after: " ")
        rest = messages.dropFirst()
      } else {
        writer.write(Self.vicunaSystem + " ")
      }
    }
    for message in rest { write(message, &writer) }
    writer.write(end(addGenerationPrompt, after: messages.last?.role))
    return RenderedChat(text: writer.text, spans: writer.spans, hasBegin: writer.hasBegin)
  }

  private func write(_ message: ChatMessage, _ writer: inout ChatWriter) {
    let role = message.role.rawValue
    switch self {
    case .chatml, .smollm2:
      writer.write("<|im_start|>\(role)\n")
      writer.message(message.content, end: "<|im_end|>", after: "\n")
    case .llama3, .llama31:
      writer.write("<|start_header_id|>\(role)<|end_header_id|>\n\n")
      writer.message(message.content.trimmed, end: "<|eot_id|>")
    case .phi3, .phi3Vision:
      if self == .phi3, message.role == .system, message.content.isEmpty { return writer.message("", end: "") }
      writer.write("<|\(role)|>\n")
      writer.message(message.content, end: "<|end|>", after: "\n")
    case .llavaV1:
      writer.write(message.role == .user ? "USER: " : "ASSISTANT: ")
      let isUser = message.role == .user
      writer.message(message.content, end: isUser ? "" : "</s>", after: isUser ? " " : "")
    }
  }

  /// What follows the last message.
  private func end(_ addGenerationPrompt: Bool, after last: ChatMessage.Role?) -> String {
    switch self {
    case .chatml, .smollm2: addGenerationPrompt ? "<|im_start|>assistant\n" : ""
    case .llama3, .llama31: addGenerationPrompt ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : ""
    case .phi3: addGenerationPrompt ? "<|assistant|>\n" : "<|endoftext|>"
    case .phi3Vision: addGenerationPrompt && last != .assistant ? "<|assistant|>\n" : ""
    case .llavaV1: addGenerationPrompt ? "ASSISTANT:" : ""
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

/// Writes text and keeps count of its scalars.
private struct ChatWriter {
  private(set) var text = ""
  private(set) var spans: [RenderedChat.Span] = []
  private(set) var hasBegin = false
  private var count = 0

  mutating func begin(_ token: String) {
    hasBegin = true
    write(token)
  }

  mutating func write(_ part: String) {
    text.unicodeScalars.append(contentsOf: part.unicodeScalars)
    count += part.unicodeScalars.count
  }

  mutating func message(_ content: String, end: String, after: String = "") {
    let start = count
    write(content)
    let contentEnd = count
    write(end)
    spans.append(RenderedChat.Span(content: start..<contentEnd, withEnd: start..<count))
    write(after)
  }
}

extension String {
  /// Without the white space at its ends, as Python's `strip` has it.
  fileprivate var trimmed: String {
    // Python counts the separators U+001C … U+001F as white space, Unicode's White_Space does not.
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
    let scalars = unicodeScalars.drop(while: isSpace)
    guard let last = scalars.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(scalars[...last])
  }
}
