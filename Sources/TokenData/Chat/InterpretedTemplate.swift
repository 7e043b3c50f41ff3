// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
import Jinja

/// A model's own template, run as it stands with the marks of the model's tokenizer.
///
/// Where its answers are is found by following what the assistant said through the template: an answer begins where the
/// generation prompt ends that stands before it, and ends with the first mark behind it.
public struct InterpretedTemplate: Sendable, Hashable {
  /// Its text.
  public let source: String
  /// The file that it comes from.
  public let path: String
  /// The tokenizer's added tokens that it writes around a question and an answer, in order.
  public private(set) var marks: [String] = []
  /// What ends an answer: the first mark behind it, where the conversation ends there and where it goes on.
  public private(set) var ends: [String] = []
  /// The day that it writes as `date_string`; nil: its own choice.
  public var date: String?
  /// What stands for an image in a message; a template that knows images as parts of a content is given them so.
  public var imageMark: String? {
    didSet {
      guard let imageMark, imageMark != oldValue else { return }
      writesImages = false
      let asked = [ChatMessage(.user, imageMark + "question")]
      writesImages = true
      writesImages = (try? run(asked, false)).map { $0.text.contains(imageMark) } ?? false
    }
  }
  private let template: JinjaTemplate
  /// The time that it asks for, the same for all conversations.
  private let now = Date().timeIntervalSince1970
  private let tokens: TemplateTokens
  /// Whether contents are put as lists of parts, since the template does not write strings.
  private var usesParts = false
  /// Whether it writes ``imageMark`` for a part that is an image.
  private var writesImages = false
  /// What stands behind a question where the assistant is to go on.
  private var prompt = ""

  /// - Throws: `InputError` for a text that is no template of Jinja, and one that cannot write a question and an answer.
  public init(_ source: String, path: String, tokenizer: Tokenizer) throws(InputError) {
    (self.source, self.path) = (source, path)
    template = try JinjaTemplate(source, path: path)
    tokens = TemplateTokens(tokenizer)
    let question = ChatMessage(.user, "question"), answer = ChatMessage(.assistant, "answer")
    let added = Set(tokenizer.added.tokens.values.map(\.content))
    // Templates of models that see may go through a content part by part.
    for isTried in [false, true] {
      usesParts = isTried
      if (try? run([question, answer], false)).flatMap(Self.behindAnswer) != nil { break }
      usesParts = false
    }
    let going = try run([question, answer, question], true), answered = try run([question, answer], false)
    guard let behind = Self.behindAnswer(answered), let before = Self.behindAnswer(going) else {
      throw lost(1, "nothing of it")
    }
    if let mark = Self.spelledMark(behind, before) {
      ends = Self.marks(added, in: mark).first.map { [$0] } ?? [mark]
    } else {
      for text in [behind, before] {
        if let mark = Self.marks(added, in: text).first, !ends.contains(mark) { ends.append(mark) }
      }
    }
    marks = Self.marks(added, in: going.text)
    marks += ends.filter { !marks.contains($0) }
    // Some end a conversation with a mark that the prompt stands in place of.
    let asking = try run([question], true).text.unicodeScalars, asked = try run([question], false).text.unicodeScalars
    prompt = String(String.UnicodeScalarView(asking.dropFirst(zip(asking, asked).prefix { $0 == $1 }.count)))
  }

  /// What stands behind the answer of message 1; nil if the template does not write it.
  private static func behindAnswer(_ rendered: RenderedTemplate) -> String? {
    guard let said = rendered.contentSpans.last(where: { $0.message == 1 }) else { return nil }
    return String(String.UnicodeScalarView(rendered.text.unicodeScalars.dropFirst(said.range.upperBound)))
  }

  /// What stands behind an answer whether or not the conversation goes on, from an opening to a closing bracket: one
  /// mark or several, which need be no tokens of the tokenizer.
  private static func spelledMark(_ last: String, _ going: String) -> String? {
    let common = zip(last.unicodeScalars, going.unicodeScalars).prefix { $0 == $1 }.map(\.0)
    let word = common.drop { $0.properties.isWhitespace }.prefix { !$0.properties.isWhitespace }
    guard let first = word.first, first == "<" || first == "[", let end = word.lastIndex(of: first == "<" ? ">" : "]")
    else { return nil }
    return String(String.UnicodeScalarView(word[...end]))
  }

  /// Equal texts with equal marks and days.
  public static func == (a: InterpretedTemplate, b: InterpretedTemplate) -> Bool {
    a.source == b.source && a.tokens == b.tokens && a.marks == b.marks && a.date == b.date
      && a.imageMark == b.imageMark
  }

  /// By the text.
  public func hash(into hasher: inout Hasher) { hasher.combine(source) }

  private func run(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) throws(InputError) -> RenderedTemplate {
    var extra = JSONObject()
    if let date { extra["date_string"] = .string(date) }
    return try template.render(
      messages: messages.map { message in
        ["role": .string(message.role.rawValue), "content": content(of: message)]
      },
      addGenerationPrompt: addGenerationPrompt, bosToken: tokens.begin, eosToken: tokens.end, extra: extra,
      now: now)
  }

  /// What a message says, as the template takes it. A line break behind an image's mark stands for nothing where images
  /// are parts: how they are set apart is the template's.
  private func content(of message: ChatMessage) -> JSON {
    func text(_ text: some StringProtocol) -> JSON { ["type": "text", "text": .string(String(text))] }
    guard writesImages, let imageMark, message.role != .assistant, message.content.contains(imageMark) else {
      return usesParts ? [text(message.content)] : .string(message.content)
    }
    var parts = [JSON]()
    for (index, part) in message.content.split(separator: imageMark, omittingEmptySubsequences: false).enumerated() {
      if index > 0 { parts.append(["type": "image"]) }
      let said = index > 0 && part.first == "\n" ? part.dropFirst() : part
      if !said.isEmpty { parts.append(text(said)) }
    }
    return .array(parts)
  }

  /// Marks that stand in a text, in order, each once; where two begin at one place, the longer.
  private static func marks(_ known: Set<String>, in text: String) -> [String] {
    let known = known.filter { text.contains($0) }
    var found: [String] = [], rest = text[...]
    while true {
      var next: (range: Range<Substring.Index>, mark: String)?
      for mark in known {
        guard let range = rest.firstRange(of: mark) else { continue }
        if let best = next?.range, (best.lowerBound, range.upperBound) <= (range.lowerBound, best.upperBound) {
          continue
        }
        next = (range, mark)
      }
      guard let next else { return found }
      if !found.contains(next.mark) { found.append(next.mark) }
      rest = rest[next.range.upperBound...]
    }
  }

  // MARK: Rendering

  /// The text of a conversation, and where its messages stand.
  ///
  /// - Throws: `InputError` if the template refuses the conversation, or leaves out or tears apart what an assistant said.
  func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws(InputError) -> RenderedChat {
    let rendered = try run(messages, addGenerationPrompt), content = rendered.contentSpans
    let text = Array(rendered.text.unicodeScalars)
    let found = Dictionary(grouping: content.indices) { content[$0].message }
    var spans: [RenderedChat.Span] = [], done = 0
    for (index, message) in messages.enumerated() {
      let own = found[index] ?? []
      if message.role == .assistant, own.count > 1 || own.isEmpty && !message.content.allSatisfy(\.isWhitespace) {
        throw lost(index, own.isEmpty ? "nothing of it" : "parts of it")
      }
      let span: RenderedChat.Span
      if let first = own.first, let last = own.last {
        let range =
          content[first].range.lowerBound..<max(content[first].range.upperBound, content[last].range.upperBound)
        let next = last + 1 < content.count ? content[last + 1].range.lowerBound : text.count
        span = self.span(
          message, range, content[first].source ?? 0..<message.content.unicodeScalars.count,
          text[min(done, range.lowerBound)..<max(next, range.upperBound)])
      } else {
        let behind = text[done...]
        let place = message.role == .assistant ? Self.end(of: prompt, in: behind, last: false) ?? done : done
        let next = found[index + 1].map { content[$0[0]].range.lowerBound } ?? text.count
        span = self.span(message, place..<place, 0..<0, text[done..<max(next, place)])
      }
      spans.append(span)
      done = max(done, span.whole.upperBound)
    }
    return RenderedChat(text: rendered.text, spans: spans)
  }

  private func lost(_ index: Int, _ found: String) -> InputError {
    InputError(
      path: path, place: "message \(index)", expected: "an answer that the chat template writes as it is", found: found,
      remedy: "Write prompt and completion instead of messages, or name another template in the run file.")
  }

  /// - Parameter around: the text from the message before to the one behind.
  private func span(
    _ message: ChatMessage, _ content: Range<Int>, _ source: Range<Int>, _ around: ArraySlice<Unicode.Scalar>
  ) -> RenderedChat.Span {
    var start = content.lowerBound
    if message.role == .assistant {
      start = Self.end(of: prompt, in: around[..<start], last: true) ?? start
    }
    let behind = around[content.upperBound...]
    let end = ends.compactMap { Self.end(of: $0, in: behind, last: false) }.min() ?? content.upperBound
    return RenderedChat.Span(content: content, whole: start..<end, source: source)
  }

  /// Where the first or last text ends that stands in another; nil if none does, or it is empty.
  private static func end(of part: String, in text: ArraySlice<Unicode.Scalar>, last: Bool) -> Int? {
    let part = Array(part.unicodeScalars)
    guard let first = part.first, part.count <= text.count else { return nil }
    func isAt(_ place: Int) -> Bool { text[place] == first && text[place..<place + part.count].elementsEqual(part) }
    let places = text.startIndex...text.endIndex - part.count
    return (last ? places.last(where: isAt) : places.first(where: isAt)).map { $0 + part.count }
  }
}
