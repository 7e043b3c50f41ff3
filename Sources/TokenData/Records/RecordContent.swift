// SPDX-License-Identifier: Apache-2.0
public import Files

/// Content of a message, a prompt or an answer. Every kind of record reads it by the same function.
public struct RecordContent: Sendable, Hashable {
  /// The text, with `<image>` and a line break where an image stands.
  public var text: String
  /// One entry an image, in order: its file, or nil where the record's list of images names it.
  public var images: [String?]

  /// Memberwise.
  public init(_ text: String, images: [String?] = []) { (self.text, self.images) = (text, images) }
}

/// Messages, and the images that stand in them.
public struct RecordConversation: Sendable, Hashable {
  /// Roles.
  public var messages: [ChatMessage]
  /// As in ``RecordContent``.
  public var images: [String?]
}

extension JSONReader {
  /// A text, a number as it is written, or the list of parts that vision-language data has:
  /// `{"type": "text", "text": …}`, which are put one behind the other, and `{"type": "image"}`, which may name its
  /// file as `path`, `image` or `url`.
  ///
  /// - Throws: `InputError` for other values: `true` has no spelling that everyone agrees on.
  public func content() throws(InputError) -> RecordContent {
    switch value {
    case .string(let string): return RecordContent(string)
    case .int, .double: return RecordContent(written ?? value.text())
    case .bool(let flag):
      throw error(
        expected: "a string", found: "the truth value \(flag)",
        remedy: "Put it in quotes, spelt as it is to be read: \"\(flag)\".")
    case .array(let elements):
      if isConversation, !elements.isEmpty {
        throw error(expected: "a string or a list of parts", found: "a list of messages")
      }
      var whole = RecordContent("")
      for element in try self.elements() {
        let part = try element.part()
        whole.text += part.text
        whole.images += part.images
      }
      return whole
    case .null, .object: throw error(expected: "a string")
    }
  }

  /// As ``content()``, where no image may stand.
  public func text() throws(InputError) -> String {
    let content = try content()
    guard content.images.isEmpty else {
      throw error(expected: "text alone", found: "an image among its parts", remedy: "Leave the image out.")
    }
    return content.text
  }

  /// Whether this is a list of messages (an empty one too), not of parts.
  public var isConversation: Bool {
    guard case .array(let elements) = value else { return false }
    return elements.isEmpty || elements.contains { $0["role"] != nil || $0["from"] != nil }
  }

  /// A list of `{"role", "content"}`, or of ShareGPT's `{"from", "value"}`.
  ///
  /// - Throws: `InputError` naming the message: one without content, or of a role that is not known.
  public func conversation() throws(InputError) -> RecordConversation {
    var conversation = RecordConversation(messages: [], images: [])
    for element in try elements() {
      let content = try element.said().content()
      conversation.messages.append(ChatMessage(try element.role(), content.text))
      conversation.images += content.images
    }
    return conversation
  }

  /// As ``conversation()``, where no image may stand.
  public func chatMessages() throws(InputError) -> [ChatMessage] {
    for element in try elements() { _ = try element.said().text() }
    return try conversation().messages
  }

  /// Content of a message.
  func said() throws(InputError) -> JSONReader {
    if let value = try ifPresent("value"), try ifPresent("content") == nil { return value }
    return try at("content")
  }

  private func role() throws(InputError) -> ChatMessage.Role {
    let role = if let from = try ifPresent("from"), try ifPresent("role") == nil { from } else { try at("role") }
    let name = try role.string()
    // ShareGPT's own names.
    let known = ["human": ChatMessage.Role.user, "gpt": .assistant][name] ?? ChatMessage.Role(rawValue: name)
    guard let known else {
      throw role.error(expected: "one of \(ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return known
  }

  // MARK: Parts

  private func part() throws(InputError) -> RecordContent {
    guard case .object = value else {
      throw error(expected: #"a part such as {"type": "text", "text": "…"}"#)
    }
    let type = try ifPresent("type"), text = try ifPresent("text"), image = try image()
    switch (try type?.string(), text, image) {
    case ("text"?, let text?, _), (nil, let text?, nil):
      if case .array = text.value { throw text.error(expected: "a string") }
      return RecordContent(try text.content().text)
    case ("image"?, _, _), ("image_url"?, _, _), (nil, nil, .some):
      return RecordContent("<image>\n", images: [try image?.imagePath()])
    case ("text"?, nil, _): throw try at("text").error(expected: "a string")
    default:
      throw (type ?? self).error(expected: "a part of type text or image")
    }
  }

  /// Field that names a part's image; nil if the record does.
  private func image() throws(InputError) -> JSONReader? {
    for key in ["path", "image", "url", "image_url"] {
      if let value = try ifPresent(key) { return value }
    }
    return nil
  }

  /// The path of an image's file: a string, or what the datasets library makes of one, `{"bytes": null, "path": …}`.
  func imagePath() throws(InputError) -> String {
    let remedy = "Save the image as a PNG or JPEG file and name that."
    if case .object = value {
      for key in ["path", "url"] {
        if let inner = try ifPresent(key) { return try inner.imagePath() }
      }
      throw error(expected: "the path of an image", found: "no path in it", remedy: remedy)
    }
    let path = try string()
    let scheme = path.prefix(8).lowercased()
    if scheme.hasPrefix("http://") || scheme.hasPrefix("https://") || scheme.hasPrefix("data:") {
      throw error(
        expected: "the path of an image", found: scheme.hasPrefix("data:") ? "an image as text" : "an address",
        remedy: remedy)
    }
    let local = scheme.hasPrefix("file://") ? String(path.dropFirst(7)) : path
    guard !local.isEmpty else { throw error(expected: "the path of an image") }
    return local
  }
}
