// SPDX-License-Identifier: Apache-2.0
public import Files
import TokenData

/// Reads preferences from JSON objects, each in the format that its fields tell.
public struct PreferenceReader: Sendable {
  /// A reader of all formats.
  public init() {}

  /// The preference of an object.
  ///
  /// - Parameter source: its name if it has none.
  /// - Returns: nil where the person who judged called it a tie.
  /// - Throws: `InputError` naming the key: one that is missing or of a wrong type, an empty list, a vote for nobody.
  public func example(_ object: JSONReader, source: String) throws(InputError) -> PreferenceExample? {
    switch try PreferenceFormat(of: object) {
    case .chosenAndRejected: try chosenAndRejected(object, source)
    case .rankedResponses: try rankedResponses(object, source)
    case .votes: try vote(object, source)
    case .styledResponses: try styledResponses(object, source)
    case .labelledResponses: try labelledResponses(object, source)
    case .labelledOutputs: try labelledOutputs(object, source)
    case .strengths: try strength(object, source)
    }
  }

  private func chosenAndRejected(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample {
    let chosen = try responses(object, "chosen")
    if let count = try object.ifPresent("num_correct"), try count.int() != chosen.count {
      throw count.error(expected: "the number of chosen responses, \(chosen.count)")
    }
    return PreferenceExample(
      id: try name(object, "id") ?? source, subset: try name(object, "subset") ?? "all", chosen: chosen,
      rejected: try responses(object, "rejected"), margin: try object.ifPresent("margin")?.double(),
      language: try object.ifPresent("language")?.string())
  }

  private func rankedResponses(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample {
    let responses = try object.at("response").elements(), ranking = try object.at("human_ranking")
    let ranks = try ranking.elements().map { rank throws(InputError) in try rank.int() }
    guard responses.count == 2 else {
      throw try object.at("response").error(expected: "two responses")
    }
    // The better response has the smaller rank.
    guard ranks.count == 2, ranks[0] != ranks[1] else {
      throw ranking.error(expected: "two different ranks, [0, 1] or [1, 0]")
    }
    let prompt = [ChatMessage(.user, try object.at("query").text())]
    let requests = try responses.map { response throws(InputError) in
      RewardRequest(messages: prompt, response: try response.text())
    }
    let best = ranks[0] < ranks[1] ? 0 : 1
    return PreferenceExample(
      id: try name(object, "id") ?? source, subset: try name(object, "query_source") ?? "all",
      chosen: [requests[best]], rejected: [requests[1 - best]], image: try image(object))
  }

  /// A path, or what the datasets library makes of one: `{"bytes": …, "path": …}`.
  private func image(_ object: JSONReader) throws(InputError) -> String {
    let image = try object.at("image")
    if case .object = image.value { return try image.string(at: "path") }
    return try image.string()
  }

  private func vote(_ object: JSONReader, _ source: String) throws(InputError) -> PreferenceExample? {
    let winner = try object.at("winner"), vote = try winner.string()
    // Both are checked even where nobody wins.
    let turn = try object.at("turn")
    let (a, b) = (try request(object, "conversation_a", turn), try request(object, "conversation_b", turn))
    if vote.hasPrefix("tie") { return nil }
    guard vote == "model_a" || vote == "model_b" else {
      throw winner.error(expected: "model_a, model_b or tie")
    }
    var parts = [String]()
    for key in ["question_id", "model_a", "model_b", "turn", "judge"] {
      if let part = try name(object, key) { parts.append(part) }
    }
    return PreferenceExample(
      id: parts.isEmpty ? source : parts.joined(separator: "/"), subset: "turn \(try turn.int())",
      chosen: [vote == "model_a" ? a : b], rejected: [vote == "model_a" ? b : a])
  }

  /// The answer of a turn, counted from 1, and all that was said before: in the second turn the two models have
  /// different pasts.
  private func request(_ object: JSONReader, _ key: String, _ turn: JSONReader) throws(InputError) -> RewardRequest {
    let list = try object.at(key), messages = try messages(list), number = try turn.int()
    guard (1...100).contains(number) else { throw turn.error(expected: "a turn, counted from 1") }
    let answer = 2 * number - 1
    guard answer < messages.count, messages[answer].role == .assistant else {
      throw list.error(expected: "an answer of the assistant in turn \(number)", found: "\(messages.count) messages")
    }
    return RewardRequest(messages: Array(messages[..<answer]), response: messages[answer].content)
  }

  /// The responses under `chosen` or `rejected`: a text (or its parts), a list of texts, or a conversation that ends
  /// with one.
  func responses(_ object: JSONReader, _ key: String) throws(InputError) -> [RewardRequest] {
    let value = try object.at(key)
    if case .array(let elements) = value.value {
      guard let first = elements.first else { throw value.error(expected: "a response", found: "an empty list") }
      if value.isConversation { return [try conversation(value, object)] }
      guard case .object = first else {
        let prompt = try prompt(object)
        return try value.elements().map { element throws(InputError) in
          RewardRequest(messages: prompt, response: try element.text())
        }
      }
    }
    return [RewardRequest(messages: try prompt(object), response: try value.text())]
  }

  /// A conversation whose last message is the response. TRL leaves out of it what `prompt` says already.
  private func conversation(_ list: JSONReader, _ object: JSONReader) throws(InputError) -> RewardRequest {
    let messages = try messages(list)
    guard let last = messages.last, last.role == .assistant else {
      throw list.error(expected: "a conversation that ends with the assistant", found: "one that ends with the user")
    }
    let asked = Array(messages.dropLast())
    let isWhole = asked.first.map { $0.role != .assistant } ?? false
    return RewardRequest(messages: isWhole ? asked : try prompt(object) + asked, response: last.content)
  }

  func prompt(_ object: JSONReader) throws(InputError) -> [ChatMessage] {
    let prompt = try object.at("prompt")
    return prompt.isConversation ? try messages(prompt) : [ChatMessage(.user, try prompt.text())]
  }

  private func messages(_ list: JSONReader) throws(InputError) -> [ChatMessage] {
    let messages = try list.chatMessages()
    if messages.isEmpty { throw list.error(expected: "messages", found: "an empty list") }
    return messages
  }

  /// A name, which some write as a number; nil where there is none.
  func name(_ object: JSONReader, _ key: String) throws(InputError) -> String? {
    switch try object.ifPresent(key)?.value {
    case .string(let text)?: text
    case .int(let number)?: "\(number)"
    default: nil
    }
  }
}
