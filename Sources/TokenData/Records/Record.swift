// SPDX-License-Identifier: Apache-2.0
public import Files

/// Formats of a line of a data file, by TRL's names.
public enum RecordFormat: String, Sendable, Hashable, CaseIterable {
  /// `{"prompt": …, "completion": …}`: two texts, or two lists of messages.
  case promptCompletion
  /// `{"messages": [{"role": …, "content": …}, …]}`, or ShareGPT's `{"conversations": [{"from": …, "value": …}, …]}`
  case messages
  /// `{"text": …}`
  case text
  /// Alpaca's `{"instruction": …, "input": …, "output": …}`, a conversation of one question; `system` may stand before it.
  case alpaca
}

/// The names of a record's fields.
public struct RecordFields: Sendable, Hashable {
  /// Field of the question.
  public var prompt: String
  /// Field of the answer.
  public var completion: String
  /// Field of the conversation.
  public var messages: String
  /// Field of text without a question.
  public var text: String
  /// Images that the prompt shows: paths, as seen from the file's folder. `image` may stand for `images`.
  public var images: String
  /// Spans of the completion or text by name: `{"y": [[0, 3]]}`, in characters (Unicode scalars).
  public var spans: String
  /// A name of the record for predictions.
  public var id: String

  /// TRL's, unless told otherwise.
  public init(
    prompt: String = "prompt", completion: String = "completion", messages: String = "messages",
    text: String = "text", images: String = "images", spans: String = "spans", id: String = "id"
  ) {
    self.prompt = prompt
    self.completion = completion
    self.messages = messages
    self.text = text
    self.images = images
    self.spans = spans
    self.id = id
  }
}

/// An example as its author wrote it.
public struct Record: Sendable, Hashable {
  /// Text.
  public enum Content: Sendable, Hashable {
    /// A prompt and what shall follow it; nil where the answer is asked for.
    case promptCompletion(String, String?)
    /// A conversation.
    case messages([ChatMessage])
    /// All of it is learnt.
    case text(String)
  }

  /// Text.
  public var content: Content
  /// Files of the images it shows, in the order in which it shows them.
  public var images: [String]
  /// Named spans, in Unicode scalars of the completion (of the last assistant's message; of the text).
  public var spans: [String: [Range<Int>]]
  /// Numbers beside the text, by field: those that ``RecordReader/measures`` asks for.
  public var measures: [String: [Double]] = [:]
  /// `train.jsonl line 12`
  public var source: String
  /// The record's own name, if it has one.
  public var id: String?
  /// How many messages at the start are a prompt: read, not learnt, even where the assistant speaks.
  public var promptMessages: Int
  /// The rated response that the record was made of, if it was.
  public var rated: RatedResponse?

  /// Memberwise.
  public init(
    _ content: Content, images: [String] = [], spans: [String: [Range<Int>]] = [:], source: String = "",
    id: String? = nil, promptMessages: Int = 0, rated: RatedResponse? = nil
  ) {
    self.content = content
    self.rated = rated
    self.images = images
    self.promptMessages = promptMessages
    self.spans = spans
    self.source = source
    self.id = id
  }
}

/// Reads records from JSON objects.
public struct RecordReader: Sendable {
  /// Nil: each record is judged by its fields.
  public var format: RecordFormat?
  /// Writes a record's columns into prompt and answer; takes the place of `format` and of the fields of text.
  public var template: ColumnTemplate?
  /// Names of the fields.
  public var fields: RecordFields
  /// Whether a record must hold its answer. To generate, a prompt is enough.
  public var needsAnswer: Bool
  /// For rated responses, which a form turns into prompt and answer: where their parts are. Takes the place of
  /// `format`.
  public var ratings: RatingReader?
  /// Fields with a number or a list of numbers beside the text.
  public var measures: Set<String> = []
  /// Those of them that are widths, above 0.
  public var widths: Set<String> = []
  /// Whether every record must have them.
  public var needsMeasures = false

  /// Memberwise.
  public init(
    format: RecordFormat? = nil, fields: RecordFields = RecordFields(), template: ColumnTemplate? = nil,
    needsAnswer: Bool = true, ratings: RatingReader? = nil
  ) {
    self.ratings = ratings
    self.template = template
    self.format = format
    self.fields = fields
    self.needsAnswer = needsAnswer
  }

  /// The record of an entry.
  ///
  /// - Throws: `InputError` naming line and field: one that is missing, of a wrong type, or an answer that is empty.
  public func record(_ file: some RecordFile, _ index: Int) throws(InputError) -> Record {
    try file.read(index) { object throws(InputError) in
      try record(object, source: file.name(index), folder: file.folder(of: index))
    }
  }

  /// The record of an object. A field that is null counts as absent.
  ///
  /// - Parameter folder: from where the paths of images are seen.
  public func record(_ object: JSONReader, source: String, folder: String = ".") throws(InputError) -> Record {
    if let ratings {
      var record = ratings.record(try ratings.rated(object, needsScores: needsAnswer))
      record.source = source
      record.id = try object.ifPresent(fields.id).flatMap { Self.name($0) }
      return record
    }
    var (record, shown) = try content(object)
    record.images = try images(object, shown).map { $0.hasPrefix("/") ? $0 : folder + "/" + $0 }
    record.spans = try spans(object)
    record.measures = try measures(object)
    record.source = source
    record.id = try object.ifPresent(fields.id).flatMap { Self.name($0) }
    return record
  }

  private static func name(_ value: JSONReader) -> String? {
    switch value.value {
    case .string(let text): text
    case .int(let number): "\(number)"
    default: nil
    }
  }

  private func content(_ object: JSONReader) throws(InputError) -> Read {
    if let template { return (Record(try template.content(of: object, needsAnswer: needsAnswer)), []) }
    let format = if let format { format } else { try self.format(of: object) }
    return switch format {
    case .promptCompletion: try promptCompletion(object)
    case .messages: try conversation(object)
    case .text: try text(object)
    case .alpaca: try alpaca(object)
    }
  }

  private func format(of object: JSONReader) throws(InputError) -> RecordFormat {
    let members = try object.object()
    func has(_ key: String) -> Bool { members[key].map { $0 != .null } ?? false }
    if has(messagesField(members)) { return .messages }
    if has(fields.prompt), !has(fields.completion), has("chosen") {
      throw object.error(
        expected: "\(fields.prompt) and \(fields.completion)", found: "a preference (prompt, chosen, rejected)",
        remedy: Self.preferenceRemedy(members["chosen"]))
    }
    if has(fields.prompt) { return .promptCompletion }
    if has(fields.text) { return .text }
    if has("instruction"), has("output") || !needsAnswer { return .alpaca }
    let names = [fields.prompt, fields.completion, fields.messages, fields.text]
    var remedy = "Name your fields in data.fields, or write them into text: data.template: { prompt, completion }."
    for key in members.members.map(\.key) {
      if let near = nearestName(to: key, among: names), near != key {
        remedy = "Is \(key) meant to be \(near)? \(remedy)"
      }
    }
    let found = members.members.prefix(8).map { $0.value == .null ? "\($0.key) (null)" : $0.key }
    throw object.error(
      expected: "fields \(fields.prompt) and \(fields.completion), or \(fields.messages), or \(fields.text)",
      found: found.isEmpty ? "no fields" : found.joined(separator: ", "), remedy: remedy)
  }

  /// What can be done with preferences, which are no examples of answers.
  private static func preferenceRemedy(_ chosen: JSON?) -> String {
    let rating = "dist2 evaluate RUN --pairs FILE lets a reward model rate them"
    if case .array(let responses)? = chosen, responses.contains(where: { if case .string = $0 { true } else { false } })
    {
      return "Several responses a side are a benchmark, such as RM-Bench: \(rating)."
    }
    return
      "objective.preset: dpo and others over responses learn from both; data.fields.completion: chosen learns the chosen "
      + "one alone; \(rating)."
  }

  /// ShareGPT's name stands in for TRL's, as it does there.
  private func messagesField(_ members: JSONObject) -> String {
    let isOther = fields.messages == RecordFields().messages && (members[fields.messages] ?? .null) == .null
    return isOther && members["conversations"] != nil ? "conversations" : fields.messages
  }

  /// A record, and the images that stand in its text.
  private typealias Read = (record: Record, shown: [String?])

  private func promptCompletion(_ object: JSONReader) throws(InputError) -> Read {
    let prompt = try object.at(fields.prompt)
    let completion = needsAnswer ? try object.at(fields.completion) : try object.ifPresent(fields.completion)
    guard prompt.isConversation else {
      let read = try prompt.content()
      let answer = try completion.map { value throws(InputError) in try self.answer(value) }
      return (Record(.promptCompletion(read.text, answer?.text)), read.images + (answer?.images ?? []))
    }
    // TRL's conversational form. What the assistant said in the prompt is read, so it may have said nothing.
    let read = try prompt.conversation()
    let answer = try completion.map { value throws(InputError) in try self.answers(value) }
    return (
      Record(.messages(read.messages + (answer?.messages ?? [])), promptMessages: read.messages.count),
      read.images + (answer?.images ?? [])
    )
  }

  private func conversation(_ object: JSONReader) throws(InputError) -> Read {
    let list = try object.at(messagesField(object.object()))
    let all = needsAnswer ? try answers(list) : try list.conversation()
    return (Record(.messages(all.messages)), all.images)
  }

  private func alpaca(_ object: JSONReader) throws(InputError) -> Read {
    var messages = [ChatMessage](), images = [String?]()
    if let system = try object.ifPresent("system")?.content(), !system.text.withoutOuterSpace.isEmpty {
      messages.append(ChatMessage(.system, system.text))
      images += system.images
    }
    var question = try object.at("instruction").content()
    if let input = try object.ifPresent("input")?.content(), !input.text.withoutOuterSpace.isEmpty {
      question.text += "\n\n" + input.text
      question.images += input.images
    }
    messages.append(ChatMessage(.user, question.text))
    images += question.images
    let output = needsAnswer ? try object.at("output") : try object.ifPresent("output")
    if let answer = try output.map({ value throws(InputError) in try self.answer(value) }) {
      messages.append(ChatMessage(.assistant, answer.text))
      images += answer.images
    }
    return (Record(.messages(messages)), images)
  }

  private func text(_ object: JSONReader) throws(InputError) -> Read {
    let text = try answer(object.at(fields.text))
    return (Record(.text(text.text)), text.images)
  }

  /// Messages of which those of the assistant are learnt.
  private func answers(_ list: JSONReader) throws(InputError) -> RecordConversation {
    let all = try list.conversation()
    for (message, element) in zip(all.messages, try list.elements()) where message.role == .assistant {
      _ = try answer(element.said())
    }
    guard all.messages.contains(where: { $0.role == .assistant }) else {
      throw list.error(expected: "a message of the assistant to learn", found: "none")
    }
    return all
  }

  private func answer(_ value: JSONReader) throws(InputError) -> RecordContent {
    let content = try value.content()
    guard content.text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      throw value.error(expected: "text to learn", found: "an empty answer")
    }
    return content
  }

  /// The files of the images, those of the parts in their places.
  ///
  /// - Parameter shown: what parts of the text name; nil where the record's own list has it.
  private func images(_ object: JSONReader, _ shown: [String?]) throws(InputError) -> [String] {
    let listed = try listedImages(object), open = shown.count { $0 == nil }
    if shown.isEmpty { return listed }
    guard listed.count == open else {
      throw object.child(fields.images, .null).error(
        expected: "as many images as there are parts of type image without a path, \(open)",
        found: "\(listed.count)")
    }
    var rest = listed[...]
    return shown.map { $0 ?? rest.removeFirst() }
  }

  /// A path, or a list of paths, in `images` or `image`.
  private func listedImages(_ object: JSONReader) throws(InputError) -> [String] {
    var paths = [String](), names = [fields.images]
    if fields.images == RecordFields().images { names.append("image") }
    for name in names {
      guard let value = try object.ifPresent(name) else { continue }
      guard paths.isEmpty else { throw value.error(expected: "either images or image", found: "both") }
      guard case .array = value.value else {
        paths = [try value.imagePath()]
        continue
      }
      for element in try value.elements() where element.value != .null { paths.append(try element.imagePath()) }
    }
    return paths
  }

  private func measures(_ object: JSONReader) throws(InputError) -> [String: [Double]] {
    var found = [String: [Double]]()
    for field in measures.sorted() {
      guard let value = try object.ifPresent(field) else {
        guard needsMeasures else { continue }
        throw object.error(
          expected: "a field \(field), a number or a list of numbers that a metric's scale asks for",
          found: "no such field")
      }
      let numbers = if case .array = value.value { try value.elements() } else { [value] }
      guard !numbers.isEmpty else { throw value.error(expected: "at least one number", found: "none") }
      found[field] = try numbers.map { number throws(InputError) in
        let double = try number.double()
        guard double.isFinite else { throw number.error(expected: "a finite number") }
        guard double > 0 || !needsMeasures || !widths.contains(field) else {
          throw number.error(expected: "a width above 0", remedy: "Correct it, or leave such lines out: data.skipBad.")
        }
        return double
      }
    }
    return found
  }

  private func spans(_ object: JSONReader) throws(InputError) -> [String: [Range<Int>]] {
    guard let named = try object.ifPresent(fields.spans) else { return [:] }
    var spans = [String: [Range<Int>]]()
    for (name, value) in try named.object().members where value != .null {
      for span in try named.child(name, value).elements() {
        let ends = try span.elements()
        guard ends.count == 2, case let (low, high) = (try ends[0].int(), try ends[1].int()), 0 <= low, low < high
        else {
          throw span.error(expected: "[start, end] with 0 ≤ start < end, in characters")
        }
        spans[name, default: []].append(low..<high)
      }
    }
    return spans
  }
}
