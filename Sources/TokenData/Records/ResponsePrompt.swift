// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens

extension ResponseReader {
  /// A prompt with each of two responses. Without a prompt, or where the responses are whole conversations and the
  /// prompt repeats their first message as text, it is what both begin with.
  func pair(_ prompt: JSONReader?, _ chosen: JSONReader, _ rejected: JSONReader) throws(InputError) -> [Record] {
    let isTalk = chosen.isConversation
    guard rejected.isConversation == isTalk else {
      throw rejected.error(
        expected: isTalk ? "a list of messages, as the other response is" : "a text, as the other response is",
        found: isTalk ? "a text" : "a list of messages")
    }
    let records: [Record]
    if let prompt, prompt.isConversation || !isTalk {
      records = [try joined(prompt, chosen), try joined(prompt, rejected)]
    } else if isTalk {
      records = try Self.split(try chosen.chatMessages(), try rejected.chatMessages()).map { messages, count in
        Record(.messages(messages), promptMessages: count)
      }
      for (record, value) in zip(records, [chosen, rejected]) { try Self.checkEnd(record, value) }
    } else {
      let texts = [try chosen.text(), try rejected.text()]
      let prompt = Self.commonPrompt(texts[0], texts[1])
      records = texts.map { text in
        Record(.promptCompletion(prompt, String(text.unicodeScalars.dropFirst(prompt.unicodeScalars.count))))
      }
      for (record, value) in zip(records, [chosen, rejected]) { try Self.checkEnd(record, value) }
    }
    guard records[0].content != records[1].content else {
      throw rejected.error(
        expected: "another response than the chosen one", found: "the same",
        remedy: "Nothing can be learnt from it. Leave such lines out: data.skipBad.")
    }
    return records
  }

  /// A prompt and a response: two texts, or two lists of messages; a text may answer messages.
  func joined(_ prompt: JSONReader, _ response: JSONReader) throws(InputError) -> Record {
    let record: Record
    if prompt.isConversation {
      let read = try prompt.chatMessages()
      guard !read.isEmpty else { throw prompt.error(expected: "a prompt", found: "no messages") }
      let said =
        response.isConversation ? try response.chatMessages() : [ChatMessage(.assistant, try response.text())]
      record = Record(.messages(read + said), promptMessages: read.count)
    } else {
      guard !response.isConversation else {
        throw response.error(
          expected: "a text, as the prompt is", found: "a list of messages",
          remedy: "Write the prompt as messages too: [{\"role\": \"user\", \"content\": …}].")
      }
      record = Record(.promptCompletion(try prompt.text(), try response.text()))
    }
    try Self.checkEnd(record, response)
    return record
  }

  /// Refuses responses that say nothing or are not the assistant's.
  private static func checkEnd(_ record: Record, _ value: JSONReader) throws(InputError) {
    let answer: String
    switch record.content {
    case .promptCompletion(_, let completion): answer = completion ?? ""
    case .text(let text): answer = text
    case .messages(let messages):
      guard messages.count > record.promptMessages, let last = messages.last, last.role == .assistant else {
        throw value.error(expected: "a response that ends with a message of the assistant", found: "another end")
      }
      answer = last.content
    }
    guard answer.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      throw value.error(expected: "a response to learn from", found: "an empty one")
    }
  }

  /// Both conversations, with the number of messages that they begin with alike.
  private static func split(
    _ chosen: [ChatMessage], _ rejected: [ChatMessage]
  ) throws(InputError) -> [(messages: [ChatMessage], prompt: Int)] {
    let same = zip(chosen, rejected).prefix { $0 == $1 }.count
    // Two that are equal to the end differ nowhere; the last message is the response then, and refused as the same.
    let count = min(same, chosen.count - 1, rejected.count - 1)
    return [(chosen, max(count, 0)), (rejected, max(count, 0))]
  }

  /// What two texts begin with alike, back to the last white space, which belongs to the responses: no word is cut
  /// through. (TRL cuts at the first character that differs.) The words that both share after it change a pair's loss by
  /// nothing.
  static func commonPrompt(_ chosen: String, _ rejected: String) -> String {
    let same = zip(chosen.unicodeScalars, rejected.unicodeScalars).prefix { $0 == $1 }.map(\.0)
    let end = same.lastIndex { $0.properties.isWhitespace } ?? 0
    var prompt = String.UnicodeScalarView()
    prompt.append(contentsOf: same[..<end])
    return String(prompt)
  }
}

extension JSONReader {
  /// A finite number of a range.
  func number(in range: ClosedRange<Double>, _ expected: String) throws(InputError) -> Double {
    guard let number = try? double(), number.isFinite, range.contains(number) else { throw error(expected: expected) }
    return number
  }
}
