// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
import TokenData

/// Request of POST /score.
struct ScoreCall {
  struct Item {
    /// The client's own name of the item, given back as it came.
    let id: JSON?
    let request: RewardRequest
  }
  let items: [Item]
  let isBatch: Bool
  let attributes: Bool
  let distribution: Bool

  /// - Throws: `InputError` naming the first key that is wrong.
  init(_ body: JSONReader) throws(InputError) {
    // `facets` is the name of earlier versions, read for one more.
    let settings = ["attributes", "distribution", "facets"]
    let wanted = try body.ifPresent("attributes")
    let old = try body.ifPresent("facets")
    attributes = try (wanted ?? old)?.bool() ?? true
    distribution = try body.ifPresent("distribution")?.bool() ?? false
    if let batch = try body.ifPresent("items") {
      try body.allow(settings + ["items"])
      var items: [Item] = []
      for element in try batch.elements() { items.append(try Item(element, allowing: [])) }
      (self.items, isBatch) = (items, true)
    } else {
      (items, isBatch) = ([try Item(body, allowing: settings)], false)
    }
  }
}

extension ScoreCall.Item {
  /// `{"prompt": …, "response": …}` or `{"messages": […]}`, whose last message is the response.
  init(_ reader: JSONReader, allowing more: [String]) throws(InputError) {
    id = try reader.ifPresent("id")?.identifier()
    if let messages = try reader.ifPresent("messages") {
      try reader.allow(more + ["id", "messages"])
      var turns = try messages.chat()
      guard let last = turns.popLast(), last.role == .assistant else {
        throw messages.error(
          expected: "a last message of the assistant, which is rated", found: "none",
          remedy: "Or send {\"prompt\": …, \"response\": …}.")
      }
      try messages.endsWithUser(turns)
      request = RewardRequest(messages: turns, response: last.content)
    } else {
      try reader.allow(more + ["id", "prompt", "response"])
      request = RewardRequest(
        messages: try reader.at("prompt").prompt(), response: try reader.at("response").text())
    }
  }
}

/// Request of POST /rank.
struct RankCall {
  let requests: [RewardRequest]

  /// - Throws: `InputError` naming the first key that is wrong.
  init(_ body: JSONReader) throws(InputError) {
    try body.allow(["prompt", "messages", "responses"])
    let prompt: [ChatMessage]
    if let messages = try body.ifPresent("messages") {
      guard try body.ifPresent("prompt") == nil else {
        throw messages.error(expected: "either messages or prompt", found: "both")
      }
      prompt = try messages.chat()
      try messages.endsWithUser(prompt)
    } else {
      prompt = try body.at("prompt").prompt()
    }
    let responses = try body.at("responses")
    var requests: [RewardRequest] = []
    for response in try responses.elements() {
      requests.append(RewardRequest(messages: prompt, response: try response.text()))
    }
    guard !requests.isEmpty else { throw responses.error(expected: "at least one response", found: "none") }
    self.requests = requests
  }
}

extension JSONReader {
  /// Refuses members that mean nothing: a typo would otherwise pass unseen.
  fileprivate func allow(_ names: [String]) throws(InputError) {
    for (key, value) in try object().members where !names.contains(key) {
      // Looking for the name that was meant takes the square of the length.
      let near = key.utf8.count <= 32 ? nearestName(to: key, among: names) : nil
      throw child(String(key.prefix(64)), value).error(
        expected: "one of \(names.joined(separator: ", "))", found: "another key",
        remedy: near.map { "Did you mean \($0)?" } ?? "")
    }
  }

  /// A question, or a conversation that ends with the user's turn.
  fileprivate func prompt() throws(InputError) -> [ChatMessage] {
    if case .object = value { throw error(expected: "a string or an array of messages") }
    guard isConversation else { return [ChatMessage(.user, try text())] }
    let turns = try chat()
    try endsWithUser(turns)
    return turns
  }

  fileprivate func endsWithUser(_ turns: [ChatMessage]) throws(InputError) {
    guard turns.last?.role == .user else {
      throw error(
        expected: "a message of the user before the response",
        found: turns.last.map { "one of the \($0.role.rawValue)" } ?? "none")
    }
  }

  fileprivate func chat() throws(InputError) -> [ChatMessage] {
    var turns: [ChatMessage] = []
    for element in try elements() {
      try element.allow(["role", "content"])
      let role = try element.at("role")
      guard let known = ChatMessage.Role(rawValue: try role.string()) else {
        throw role.error(expected: ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", "))
      }
      turns.append(ChatMessage(known, try element.at("content").text()))
    }
    return turns
  }

  fileprivate func identifier() throws(InputError) -> JSON {
    switch value {
    // What JavaScript can count to.
    case .int(let number) where -9_007_199_254_740_991...9_007_199_254_740_991 ~= number: return value
    case .string(let text) where text.unicodeScalars.count <= 64: return value
    default: throw error(expected: "a whole number of at most 53 bits or a string of at most 64 characters")
    }
  }
}
