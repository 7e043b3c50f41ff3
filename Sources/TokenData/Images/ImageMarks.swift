// SPDX-License-Identifier: Apache-2.0
import Files

extension ImageTokens {
  /// The record with the model's mark for every `<image>`, `<|image|>` and `<|image_N|>` of what is said to the model.
  ///
  /// - Throws: `InputError` naming the record: numbers that do not count 1, 2, 3, … as they stand, or marks in a text
  ///   whose spans they would move.
  func unifyingMarks(_ record: Record) throws(InputError) -> Record {
    var seen = 0
    return try rewriting(record) { text throws(InputError) in try unified(text, &seen, record.source) }
  }

  /// The record with ``shown`` for every `<image>` of what is said to the model.
  ///
  /// - Parameter video: a mark that stands for a video.
  /// - Throws: `InputError` naming the record: the mark of a video, or `<image>` in a text whose spans it would move.
  func framingMarks(_ record: Record, refusing video: String) throws(InputError) -> Record {
    try rewriting(record) { text throws(InputError) in
      guard !text.contains(video) else {
        throw InputError(
          path: record.source, place: "images", expected: "images alone, which is all that is supported",
          found: "\(video), which stands for a video", remedy: "Show some of its images instead.")
      }
      return text.replacing("<image>", with: shown)
    }
  }

  /// The record with what is said to the model written otherwise.
  private func rewriting(
    _ record: Record, _ written: (_ text: String) throws(InputError) -> String
  ) throws(InputError) -> Record {
    var record = record
    switch record.content {
    case .promptCompletion(let prompt, let answer):
      record.content = .promptCompletion(try written(prompt), answer)
    case .messages(var messages):
      for index in messages.indices where messages[index].role != .assistant {
        messages[index].content = try written(messages[index].content)
      }
      record.content = .messages(messages)
    case .text(let text):
      let new = try written(text)
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
      result += rest[..<match.range.lowerBound] + mark
      rest = rest[match.range.upperBound...]
    }
    return result + rest
  }
}
