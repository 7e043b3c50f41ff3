public import Files

/// What a line of a data file holds, by TRL's names.
public enum RecordFormat: String, Sendable, Hashable, CaseIterable {
  /// `{"prompt": …, "completion": …}`: two texts, or two lists of messages.
  case promptCompletion
  /// `{"messages": [{"role": …, "content": …}, …]}`
  case messages
  /// `{"text": …}`
  case text
}

/// The names of a record's fields.
public struct RecordFields: Sendable, Hashable {
  public var prompt: String
  public var completion: String
  public var messages: String
  public var text: String
  /// Pictures that the prompt shows: paths, as seen from the file's folder.
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
  /// What it says.
  public enum Content: Sendable, Hashable {
    /// A prompt and what shall follow it; nil where the answer is asked for.
    case promptCompletion(String, String?)
    /// A conversation.
    case messages([ChatMessage])
    /// All of it is learnt.
    case text(String)
  }

  /// What it says.
  public var content: Content
  /// Files of the pictures it shows, in the order in which it shows them.
  public var images: [String]
  /// Named spans, in Unicode scalars of the completion (of the last assistant's message; of the text).
  public var spans: [String: [Range<Int>]]
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
  /// Names of the fields.
  public var fields: RecordFields
  /// Whether a record must hold its answer. To generate, a prompt is enough.
  public var needsAnswer: Bool
  /// For rated responses, which a form turns into prompt and answer: where their parts are. Takes the place of
  /// `format`.
  public var ratings: RatingReader?

  /// Memberwise.
  public init(
    format: RecordFormat? = nil, fields: RecordFields = RecordFields(), needsAnswer: Bool = true,
    ratings: RatingReader? = nil
  ) {
    self.ratings = ratings
    self.format = format
    self.fields = fields
    self.needsAnswer = needsAnswer
  }

  /// The record of a line.
  ///
  /// - Throws: `InputError` naming line and field: one that is missing, of a wrong type, or an answer that is empty.
  public func record(_ file: JSONLFile, _ index: Int) throws(InputError) -> Record {
    try file.read(index) { object throws(InputError) in
      try record(object, source: file.name(index), folder: file.folder)
    }
  }

  /// The record of an object.
  ///
  /// - Parameter folder: from where the paths of pictures are seen.
  public func record(_ object: JSONReader, source: String, folder: String = ".") throws(InputError) -> Record {
    if let ratings {
      var record = ratings.record(try ratings.rated(object, needsScores: needsAnswer))
      record.source = source
      record.id = try object.ifPresent(fields.id).flatMap { Self.name($0) }
      return record
    }
    let format = if let format { format } else { try self.format(of: object) }
    var record: Record
    switch format {
    case .promptCompletion: record = try promptCompletion(object)
    case .messages: record = Record(.messages(try messages(object.at(fields.messages))))
    case .text: record = Record(.text(try nonEmpty(object.at(fields.text))))
    }
    record.images = try images(object).map { $0.hasPrefix("/") ? $0 : folder + "/" + $0 }
    record.spans = try spans(object)
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

  private func format(of object: JSONReader) throws(InputError) -> RecordFormat {
    let members = try object.object()
    if members[fields.messages] != nil { return .messages }
    if members[fields.prompt] != nil, members[fields.completion] == nil, members["chosen"] != nil {
      throw object.error(
        expected: "\(fields.prompt) and \(fields.completion)", found: "a preference (prompt, chosen, rejected)",
        remedy: "Preferences train reward models; name the field to learn with data.fields.completion: chosen.")
    }
    if members[fields.prompt] != nil { return .promptCompletion }
    if members[fields.text] != nil { return .text }
    let names = [fields.prompt, fields.completion, fields.messages, fields.text]
    var remedy = "Name your fields in data.fields."
    for key in members.members.map(\.key) {
      if let near = nearestName(to: key, among: names) { remedy = "Is \(key) meant to be \(near)? \(remedy)" }
    }
    throw object.error(
      expected: "fields \(fields.prompt) and \(fields.completion), or \(fields.messages), or \(fields.text)",
      found: members.count == 0 ? "no fields" : members.members.map(\.key).prefix(8).joined(separator: ", "),
      remedy: remedy)
  }

  private func promptCompletion(_ object: JSONReader) throws(InputError) -> Record {
    let prompt = try object.at(fields.prompt)
    let completion = needsAnswer ? try object.at(fields.completion) : try object.ifPresent(fields.completion)
    guard case .array = prompt.value else {
      let answer = try completion.map { value throws(InputError) in try nonEmpty(value) }
      return Record(.promptCompletion(try prompt.string(), answer))
    }
    // TRL's conversational form.
    let answer = try completion.map { value throws(InputError) in try messages(value, needsAnswer: true) } ?? []
    let read = try messages(prompt, needsAnswer: false)
    return Record(.messages(read + answer), promptMessages: read.count)
  }

  private func messages(_ list: JSONReader, needsAnswer: Bool? = nil) throws(InputError) -> [ChatMessage] {
    let messages = try list.chatMessages()
    for (message, element) in zip(messages, try list.elements()) where message.role == .assistant {
      _ = try nonEmpty(element.at("content"))
    }
    if needsAnswer ?? self.needsAnswer, !messages.contains(where: { $0.role == .assistant }) {
      throw list.error(expected: "a message of the assistant to learn", found: "none")
    }
    return messages
  }

  /// An answer.
  private func nonEmpty(_ value: JSONReader) throws(InputError) -> String {
    let text = try value.text()
    guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      throw value.error(expected: "text to learn", found: "an empty answer")
    }
    return text
  }

  /// A path, or a list of paths; null for none.
  private func images(_ object: JSONReader) throws(InputError) -> [String] {
    guard let value = try object.ifPresent(fields.images) else { return [] }
    guard case .array = value.value else { return [try value.string()] }
    var paths = [String]()
    for element in try value.elements() {
      let path = try element.string()
      guard !path.isEmpty else { throw element.error(expected: "the path of a picture") }
      paths.append(path)
    }
    return paths
  }

  private func spans(_ object: JSONReader) throws(InputError) -> [String: [Range<Int>]] {
    guard let named = try object.ifPresent(fields.spans) else { return [:] }
    var spans = [String: [Range<Int>]]()
    for (name, value) in try named.object().members {
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
