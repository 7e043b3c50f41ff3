import Files

/// A record as one text, and which parts of it are learnt. Ranges are in Unicode scalars of the text.
struct RecordLayout {
  /// As the model reads it.
  var text: String
  /// What is learnt: answers with the marks that end them.
  var answers: [Range<Int>]
  /// The answers themselves.
  var contents: [Range<Int>]
  /// Whether the text begins with the begin-of-text token already.
  var hasBegin = false
  /// Whether a template ends the answers.
  var hasEnd = false

  /// A prompt and what shall follow it.
  init(prompt: String, answer: String) {
    let start = prompt.unicodeScalars.count
    text = prompt + answer
    answers = [start..<start + answer.unicodeScalars.count]
    contents = answers
  }

  /// A conversation: the assistant's messages are learnt, but for those among the first `read`.
  init(_ chat: RenderedChat, _ messages: [ChatMessage], read: Int) {
    text = chat.text
    let spans = zip(chat.spans, messages).dropFirst(read).filter { $0.1.role == .assistant }.map(\.0)
    answers = spans.map(\.withEnd)
    contents = spans.map(\.content)
    (hasBegin, hasEnd) = (chat.hasBegin, true)
  }

  /// A record's spans, which count from the start of its last answer, as ranges of the text.
  func placed(_ spans: [String: [Range<Int>]], source: String) throws(InputError) -> [String: [Range<Int>]] {
    guard !spans.isEmpty, let answer = contents.last else { return [:] }
    var placed = [String: [Range<Int>]]()
    for (name, ranges) in spans {
      for range in ranges {
        guard range.upperBound <= answer.count else {
          throw InputError(
            path: source, place: "spans.\(name)", expected: "a span inside the answer's \(answer.count) characters",
            found: "[\(range.lowerBound), \(range.upperBound)]", remedy: "Spans count characters of the completion.")
        }
        placed[name, default: []].append(range.lowerBound + answer.lowerBound..<range.upperBound + answer.lowerBound)
      }
    }
    return placed
  }
}
