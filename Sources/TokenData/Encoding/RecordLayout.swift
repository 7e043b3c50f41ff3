// SPDX-License-Identifier: Apache-2.0
import Files

/// A record as one text, and which parts of it are learnt. Ranges are in Unicode scalars of the text.
struct RecordLayout {
  /// As the model reads it.
  var text: String
  /// Learnt text: answers with the marks that end them.
  var answers: [Range<Int>]
  /// The answers themselves.
  var contents: [Range<Int>]
  /// Which part of the last answer, as its author wrote it, stands in the text; the template trimmed the rest.
  var source: Range<Int>
  /// How many characters the author wrote there.
  var length: Int
  /// Whether a template has written it: then it has all marks that it is to have.
  var isRendered = false
  /// Content of each message of a conversation.
  var said: [Range<Int>] = []

  /// A prompt and what shall follow it.
  init(prompt: String, answer: String) {
    let start = prompt.unicodeScalars.count
    text = prompt + answer
    answers = [start..<start + answer.unicodeScalars.count]
    contents = answers
    length = answer.unicodeScalars.count
    source = 0..<length
  }

  /// A conversation: the assistant's messages are learnt, but for those among the first `read`.
  init(_ chat: RenderedChat, _ messages: [ChatMessage], read: Int) {
    text = chat.text
    let learnt = zip(chat.spans, messages).dropFirst(read).filter { $0.1.role == .assistant }
    answers = learnt.map(\.0.whole)
    contents = learnt.map(\.0.content)
    source = learnt.last?.0.source ?? 0..<0
    length = learnt.last?.1.content.unicodeScalars.count ?? 0
    isRendered = true
    said = chat.spans.map(\.content)
  }

  /// The layout with another text in the place of every mark; all ranges follow.
  func replacing(_ mark: String, with new: String) -> RecordLayout {
    let parts = text.split(separator: mark, omittingEmptySubsequences: false)
    guard parts.count > 1 else { return self }
    let old = mark.unicodeScalars.count, growth = new.unicodeScalars.count - old
    var ends = [Int](), place = 0
    for part in parts.dropLast() {
      place += part.unicodeScalars.count + old
      ends.append(place)
    }
    func moved(_ range: Range<Int>) -> Range<Int> {
      func moved(_ place: Int) -> Int { place + growth * ends.prefix { $0 <= place }.count }
      return moved(range.lowerBound)..<moved(range.upperBound)
    }
    var layout = self
    layout.text = parts.joined(separator: new)
    layout.answers = answers.map(moved)
    layout.contents = contents.map(moved)
    layout.said = said.map(moved)
    return layout
  }

  /// A record's spans, which count from the start of its last answer as its author wrote it, as ranges of the text. Of
  /// one that reaches into what the template trimmed, the rest is taken.
  ///
  /// - Throws: `InputError` for a span that is not inside the answer, or of which the template left nothing.
  func placed(_ spans: [String: [Range<Int>]], path: String) throws(InputError) -> [String: [Range<Int>]] {
    guard !spans.isEmpty, let answer = contents.last else { return [:] }
    var placed = [String: [Range<Int>]]()
    for (name, ranges) in spans {
      for range in ranges {
        guard range.upperBound <= length else {
          throw InputError(
            path: path, place: "spans.\(name)", expected: "a span inside the answer's \(length) characters",
            found: "[\(range.lowerBound), \(range.upperBound)]", remedy: "Spans count characters of the completion.")
        }
        let kept = range.clamped(to: source)
        guard !kept.isEmpty else {
          throw InputError(
            path: path, place: "spans.\(name)",
            expected: "a span of more than the white space that the chat template trims from the answer",
            found:
              "[\(range.lowerBound), \(range.upperBound)], where [\(source.lowerBound), \(source.upperBound)] is left",
            remedy: "Spans count characters of the completion as it is written in the record.")
        }
        let shift = answer.lowerBound - source.lowerBound
        placed[name, default: []].append(kept.lowerBound + shift..<kept.upperBound + shift)
      }
    }
    return placed
  }
}
