// SPDX-License-Identifier: Apache-2.0
import Files

extension ImageTokens {
  /// The record with ``shown`` for every `<image>`, `<|image|>` and `<|image_N|>` of what is said to the model.
  ///
  /// - Throws: `InputError` naming the record: numbers that do not count 1, 2, 3, … as they stand, or marks in a text
  ///   whose spans they would move.
  func unifyingMarks(_ record: Record) throws(InputError) -> Record {
    var record = record, seen = 0
    switch record.content {
    case .promptCompletion(let prompt, let answer):
      record.content = .promptCompletion(try unified(prompt, &seen, record.source), answer)
    case .messages(var messages):
      for index in messages.indices where messages[index].role != .assistant {
        messages[index].content = try unified(messages[index].content, &seen, record.source)
      }
      record.content = .messages(messages)
    case .text(let text):
      let new = try unified(text, &seen, record.source)
      guard record.spans.isEmpty || new == text else {
        throw InputError(
          path: record.source, place: "spans", expected: "\(shown) for images in a text with spans",
          found: "another mark", remedy: "Write \(shown), or give prompt and completion.")
      }
      record.content = .text(new)
    }
    return record
  }

  private func unified(_ text: String, _ seen: inout Int, _ source: String) throws(InputError) -> String {
    guard text.utf8.count >= "<image>".utf8.count else { return text }
    var result = "", rest = text[...]
    for match in text.matches(of: #/<image>|<\|image(?:_([0-9]{1,9}))?\|>/#) {
      seen += 1
      if let number = match.1, Int(number) != seen {
        throw InputError(
          path: source, place: "images", expected: "<|image_\(seen)|>: images are numbered as they stand",
          found: String(match.0))
      }
      result += rest[..<match.range.lowerBound] + shown
      rest = rest[match.range.upperBound...]
    }
    return result + rest
  }
}
