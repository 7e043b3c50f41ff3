// SPDX-License-Identifier: Apache-2.0
/// One turn of a conversation.
public struct ChatMessage: Sendable, Hashable {
  /// Role of the speaker.
  public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    /// Instructions before the conversation.
    case system
    /// The person.
    case user
    /// The model.
    case assistant
  }

  /// Role of the speaker.
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
    /// Answer.
    public var content: Range<Int>
    /// What was said, with the mark that ends it and a space that a generation prompt leaves out: of an assistant's
    /// message, all that the model itself must write.
    public var whole: Range<Int>
    /// Which part of the message's own text stands there, in its scalars: a template may trim messages.
    public var source: Range<Int>
  }

  /// The text, to be encoded without the tokenizer's own special tokens, as `apply_chat_template` does.
  public var text: String
  /// One span for each message, in order.
  public var spans: [Span]
}

/// Writes a conversation and keeps count of its scalars.
struct ChatWriter {
  private(set) var text = ""
  private(set) var spans: [RenderedChat.Span] = []
  private var count = 0

  mutating func write(_ part: some StringProtocol) {
    text.unicodeScalars.append(contentsOf: part.unicodeScalars)
    count += part.unicodeScalars.count
  }

  /// - Parameters:
  ///   - trims: whether the white space at the ends of the message is left out.
  ///   - lead: what stands before it and is no part of a generation prompt, so that the model writes it.
  mutating func message(_ content: String, trims: Bool = false, lead: String = "", end: String, after: String = "") {
    let scalars = content.unicodeScalars, kept = trims ? content.trimmed : content[...]
    let skipped = scalars.distance(from: scalars.startIndex, to: kept.startIndex), leadStart = count
    write(lead)
    let start = count
    write(kept)
    let contentEnd = count
    write(end)
    spans.append(
      RenderedChat.Span(
        content: start..<contentEnd, whole: leadStart..<count, source: skipped..<skipped + contentEnd - start))
    write(after)
  }
}

extension String {
  /// Without the white space at its ends, as Python's `strip` has it.
  fileprivate var trimmed: Substring {
    // Python counts the separators U+001C … U+001F as white space, Unicode's White_Space does not.
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
    let scalars = unicodeScalars.drop(while: isSpace)
    guard let last = scalars.lastIndex(where: { !isSpace($0) }) else { return self[endIndex...] }
    return Substring(scalars[...last])
  }
}
