// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation

/// A response and what was thought of it.
public struct RatedResponse: Sendable, Hashable {
  /// The conversation up to the response.
  public var messages: [ChatMessage]
  /// Rated response.
  public var response: String
  /// Scores of the form's scales in order, the overall one first: what a model learns to say; nil where they are to be
  /// found out.
  public var scores: [Int]?
  /// The same before they were rounded to numbers of the scales, such as the mean of several raters: what a model's
  /// expectation is held against.
  public var ratings: [Double]?

  /// Memberwise.
  public init(messages: [ChatMessage], response: String, scores: [Int]? = nil) {
    (self.messages, self.response, self.scores) = (messages, response, scores)
    ratings = scores?.map(Double.init)
  }
}

/// Reads rated responses of any layout: which field holds what, and what its numbers mean.
public struct RatingReader: Sendable, Hashable {
  /// Where a score comes from.
  public struct Source: Sendable, Hashable {
    /// The field; dots lead into objects: `scores.overall`.
    public var field: String
    /// Its least and greatest number.
    public var range: ClosedRange<Double>
    /// Whether the least is the best.
    public var isReversed: Bool

    /// Memberwise.
    public init(field: String, range: ClosedRange<Double>, isReversed: Bool = false) {
      (self.field, self.range, self.isReversed) = (field, range, isReversed)
    }
  }

  /// Question and answer.
  public var template: RatingTemplate
  /// Field of the question: text, or a list of messages.
  public var prompt: String
  /// Field of the response.
  public var response: String
  /// Where the overall score comes from; nil: it is the sum of the attributes' scores.
  public var overall: Source?
  /// Where each attribute's score comes from.
  public var attributes: [Source]
  /// Longest question and response, in characters (Unicode scalars); what is longer is cut there. Nil: any.
  public var longestPrompt: Int?
  /// Characters of a response beyond which it is cut; nil: none.
  public var longestResponse: Int?
  /// Whether a model with a head of scores reads the conversation itself, instead of being asked about it.
  public var isConversation = false
  /// Whether the response of such a conversation is learnt as well, as an answer is.
  public var learnsResponse = false

  /// Memberwise.
  public init(
    template: RatingTemplate, prompt: String = "prompt", response: String = "response", overall: Source? = nil,
    attributes: [Source], longestPrompt: Int? = nil, longestResponse: Int? = nil
  ) {
    (self.template, self.prompt, self.response, self.overall, self.attributes) = (
      template, prompt, response, overall, attributes
    )
    (self.longestPrompt, self.longestResponse) = (longestPrompt, longestResponse)
  }

  /// HelpSteer2's own fields.
  public static let helpSteer2 = RatingReader(
    template: .helpSteer2, attributes: RatingTemplate.helpSteer2.attributes.map { Source(field: $0.name, range: 0...4) }
  )

  /// The response of a record, and its scores if it has all of them.
  ///
  /// - Parameter needsScores: whether a record without scores is refused.
  /// - Throws: `InputError` naming the field that is missing, of a wrong type, or out of its range.
  public func rated(_ object: JSONReader, needsScores: Bool) throws(InputError) -> RatedResponse {
    let messages = try messages(try field(prompt, of: object))
    let text = try field(response, of: object)
    let response = try text.text()
    guard response.contains(where: { !$0.isWhitespace }) else {
      throw text.error(expected: "a response to rate", found: "an empty one")
    }
    var rated = RatedResponse(messages: messages, response: response)
    let hasScores = try hasScores(object)
    if needsScores || hasScores { (rated.scores, rated.ratings) = try scores(object) }
    return shortened(rated)
  }

  /// Prompt and answer made of a rated response.
  public func record(_ rated: RatedResponse) -> Record {
    let answer = isConversation ? nil : rated.scores.map(template.answer)
    let read =
      isConversation
      ? rated.messages + [ChatMessage(.assistant, rated.response)]
      : [ChatMessage(.user, template.prompt(rated.messages, response: rated.response))]
    return Record(
      .messages(read + (answer.map { [ChatMessage(.assistant, $0.text)] } ?? [])), spans: answer?.spans ?? [:],
      promptMessages: isConversation && learnsResponse ? rated.messages.count : read.count, rated: rated)
  }

  /// A response without what is too long.
  public func shortened(_ rated: RatedResponse) -> RatedResponse {
    var rated = rated
    rated.response = cut(rated.response, longestResponse)
    if let last = rated.messages.indices.last {
      rated.messages[last].content = cut(rated.messages[last].content, longestPrompt)
    }
    return rated
  }

  private func cut(_ text: String, _ limit: Int?) -> String {
    guard let limit, text.unicodeScalars.count > limit else { return text }
    return String(text.unicodeScalars.prefix(limit)) + "…"
  }

  private func messages(_ value: JSONReader) throws(InputError) -> [ChatMessage] {
    guard value.isConversation else { return [ChatMessage(.user, try value.text())] }
    let messages = try value.chatMessages()
    guard messages.last?.role == .user else {
      throw value.error(expected: "messages that end with the user's", found: "another at the end, or none")
    }
    return messages
  }

  private func hasScores(_ object: JSONReader) throws(InputError) -> Bool {
    for source in [overall].compactMap({ $0 }) + attributes where try find(source.field, in: object) == nil {
      return false
    }
    return true
  }

  private func scores(_ object: JSONReader) throws(InputError) -> ([Int], [Double]) {
    var ratings = [Double]()
    for (source, scale) in zip(attributes, template.attributes) { ratings.append(try rating(source, scale, object)) }
    // Whole numbers of the scales are said.
    let scores = ratings.map { Int($0.rounded()) }  // bounded: a scale's
    let all = try self.overall.map { source throws(InputError) in try rating(source, template.overall, object) }
    let overall = all ?? ratings.reduce(0, +)
    let said = all.map { Int($0.rounded()) } ?? scores.reduce(0, +)  // bounded: a scale's
    return ([said] + scores, [overall] + ratings)
  }

  /// Where the value lies on the scale.
  private func rating(
    _ source: Source, _ scale: RatingTemplate.Scale, _ object: JSONReader
  ) throws(InputError) -> Double {
    let value = try field(source.field, of: object), number = try value.double(), range = source.range
    guard range.contains(number) else {
      throw value.error(
        expected: "a number in \(range.lowerBound) … \(range.upperBound)", found: "\(number)",
        remedy: "If it is right, widen the range of \(scale.name) in the run file.")
    }
    let share = (number - range.lowerBound) / (range.upperBound - range.lowerBound)
    let place = source.isReversed ? 1 - share : share
    return Double(scale.range.lowerBound) + place * Double(scale.range.count - 1)
  }

  private func field(_ path: String, of object: JSONReader) throws(InputError) -> JSONReader {
    guard let value = try find(path, in: object) else {
      let names = try object.object().members.map(\.key)
      let near = nearestName(to: path, among: names.filter { $0 != path }).map { "Is \($0) meant? " } ?? ""
      throw object.child(path, .null).error(
        expected: "a value",
        found: names.contains(path) ? "null" : "no such field among \(names.prefix(12).joined(separator: ", "))",
        remedy: near + "Name your fields in the run file's reward section.")
    }
    return value
  }

  private func find(_ path: String, in object: JSONReader) throws(InputError) -> JSONReader? {
    // A field whose name has a dot in it comes first.
    if let value = try object.ifPresent(path) { return value }
    var value = object
    for part in path.split(separator: ".").map(String.init) {
      guard case .object = value.value, let next = try value.ifPresent(part) else { return nil }
      value = next
    }
    return value
  }
}
