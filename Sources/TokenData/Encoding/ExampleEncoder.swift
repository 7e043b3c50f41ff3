// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// Turns a record into an `EncodedExample`: answers are learnt, the rest is read.
///
/// Training must see what generation will: the prompt's tokens alone, then the answer's. They are cut together where
/// that gives the same tokens for the prompt, else apart.
public struct ExampleEncoder: Sendable {
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// Metrics: the tokens that carry a distance, one a metric. A token belongs to the first that claims it.
  public var metrics: [MetricRule]
  /// Rewrites digits of answers as tokens of their own (docs/paper-map.md Q9); nil leaves the tokenizer's.
  public var splitter: DigitSplitter?
  /// A token that ends answers which no template ends, and is learnt with them; nil for none.
  public var end: Int32?
  /// How conversations are written; nil: plain prompts only.
  public var template: ChatTemplate? {
    didSet { marks = Self.marks(template, tokenizer) }
  }
  /// What the model's folder says of that, for what is said where a template is needed and there is none.
  public var folderTemplate = FolderTemplate.none
  /// Whether a plain prompt is put as a user's message, if there is a template.
  public var wrapsPrompts: Bool
  /// How images are shown; nil: the model reads text alone.
  public var images: ImageTokens?
  /// Ids that the model has embeddings for, from 0 on: records with others are refused. Nil: any.
  public var modelVocabulary: Int?
  /// The template's marks, as far as they are tokens.
  private var marks: Set<Int32>

  /// Memberwise.
  public init(
    _ tokenizer: Tokenizer, metrics: [MetricRule] = [], splitter: DigitSplitter? = nil, end: Int32?,
    template: ChatTemplate? = nil, wrapsPrompts: Bool = false, images: ImageTokens? = nil
  ) {
    self.tokenizer = tokenizer
    self.metrics = metrics
    self.splitter = splitter
    self.end = end
    self.template = template
    self.wrapsPrompts = wrapsPrompts
    self.images = images
    marks = Self.marks(template, tokenizer)
  }

  private static func marks(_ template: ChatTemplate?, _ tokenizer: Tokenizer) -> Set<Int32> {
    Set(template?.marks(TemplateTokens(tokenizer)).compactMap { tokenizer.id(ofMark: $0) } ?? [])
  }

  /// Ends of an answer.
  public var ends: AnswerEnds { AnswerEnds(tokenizer, template: template) }

  /// The ids a model is given to continue.
  ///
  /// - Throws: `InputError` if the template has no place for a message, or there is none.
  public func prompt(_ record: Record) throws(InputError) -> [Int32] { try question(record).ids }

  /// The ids a model is given to continue, and the images among them.
  ///
  /// - Throws: as `prompt(_:)`, and if an image's file is not there.
  public func question(_ record: Record) throws(InputError) -> (ids: [Int32], images: [ExampleImage]) {
    let marked = try marking(record), layout = try layout(marked.record, forAnswer: true)
    let tokens = tokens(of: layout.text, addSpecialTokens: addsBegin(layout)).map { (piece: $0, isAnswer: false) }
    let ids = (images?.expanding(tokens, marked.runs) ?? tokens).map(\.piece.id)
    try check(ids, source: record.source)
    return (ids, images?.places(marked, in: ids) ?? [])
  }

  /// The ids of a plain prompt.
  public func prompt(_ text: String) -> [Int32] { tokens(of: text, addSpecialTokens: true).map(\.id) }

  /// Prompt and answer.
  ///
  /// - Throws: `InputError` if the template has no place for a message, or a span lies outside the answer.
  public func encode(_ record: Record) throws(InputError) -> EncodedExample { try analyze(record).example }

  /// A plain prompt and its answer.
  public func encode(prompt: String, answer: String, source: String = "") -> EncodedExample {
    let layout = RecordLayout(prompt: prompt, answer: answer)
    let record = Record(.promptCompletion(prompt, answer), source: source)
    return analysis(layout, MarkedRecord(record: record, runs: []), spans: [:]).example
  }

  /// Prompt and answer, with what each token covers and where the metrics are.
  ///
  /// - Throws: as `encode(_:)`.
  public func analyze(_ record: Record) throws(InputError) -> ExampleAnalysis { try analyze(record, apart: false) }

  /// As ``analyze(_:)``; `apart` cuts prompt and answers apart though it would not be needed.
  func analyze(_ record: Record, apart: Bool) throws(InputError) -> ExampleAnalysis {
    let marked = try marking(record), layout = try layout(marked.record, forAnswer: false)
    let spans = try layout.placed(record.spans, path: record.source)
    let analysis = analysis(layout, marked, spans: spans, apart: apart)
    try check(analysis.example.ids, source: record.source)
    return analysis
  }

  /// Throws unless the model has an embedding for every token.
  ///
  /// - Parameter source: the record they are of, for the error, which names the token too.
  public func check(_ ids: [Int32], source: String) throws(InputError) {
    guard let modelVocabulary, let id = ids.first(where: { $0 < 0 || Int($0) >= modelVocabulary }) else { return }
    throw .beyondVocabulary(
      id, text: tokenizer.token(of: id), rows: modelVocabulary, path: source)
  }

  private func analysis(
    _ layout: RecordLayout, _ marked: MarkedRecord, spans: [String: [Range<Int>]], apart: Bool = false
  ) -> ExampleAnalysis {
    var pieces = [TokenPiece](), supervised = [Bool]()
    let (tokens, wasCutApart) = cut(layout, apart: apart)
    for (piece, isAnswer) in images?.expanding(tokens, marked.runs) ?? tokens {
      if isAnswer, let splitter {
        pieces += splitter.split([piece])
      } else {
        pieces.append(piece)
      }
      while supervised.count < pieces.count { supervised.append(isAnswer) }
    }
    var found = [[FoundMetric]](), claimed = Set<Int>(), numbers = 0
    for metric in metrics {
      let regions: [Range<Int>] =
        switch metric.region {
        case .answer: layout.contents
        case .delimiters(let delimiters): layout.contents.flatMap { delimiters.spans(in: layout.text, within: $0) }
        case .spans(let name): spans[name] ?? []
        }
      var here = metric.finder.find(in: pieces, text: layout.text, within: regions, firstNumber: numbers)
      numbers += here.count
      for index in here.indices { here[index].positions.removeAll { claimed.contains($0.position) } }
      claimed.formUnion(here.flatMap { $0.positions.map(\.position) })
      found.append(here)
    }
    let ids = pieces.map(\.id)
    // A text that was rendered beforehand has its end token already.
    let ending = layout.isRendered || ids.last == end ? [] : end.map { [$0] } ?? []
    let example = EncodedExample(
      ids: ids + ending, supervised: supervised + ending.map { _ in true },
      metrics: found.flatMap { $0.flatMap(\.positions) }.sorted { $0.position < $1.position },
      images: images?.places(marked, in: ids) ?? [], measures: marked.record.measures, source: marked.record.source)
    let repeated =
      layout.said.isEmpty
      ? nil
      : pieces.first { piece in
        marks.contains(piece.id) && layout.said.contains { $0.contains(piece.range.lowerBound) }
      }
    return ExampleAnalysis(
      record: marked.record, text: layout.text, isRendered: layout.isRendered, spans: spans, pieces: pieces,
      found: found, example: example, repeatedMark: repeated?.id, wasCutApart: wasCutApart)
  }

  /// The record with a mark for each image.
  private func marking(_ record: Record) throws(InputError) -> MarkedRecord {
    if let images {
      let isConversation = if case .messages = record.content { true } else { false }
      return try images.marking(record, isTemplated: isConversation || (wrapsPrompts && template != nil))
    }
    guard record.images.isEmpty else {
      throw InputError(
        path: record.source, place: "images", expected: "text alone, which is all that this model reads",
        found: "\(record.images.count) images", remedy: "Take a vision-language model, or make one: dist2 new-vlm.")
    }
    return MarkedRecord(record: record, runs: [])
  }

  // MARK: Text

  private func layout(_ record: Record, forAnswer: Bool) throws(InputError) -> RecordLayout {
    let text = try text(record, forAnswer: forAnswer), layout = images?.spelling(text) ?? text
    try tokenizer.check(layout.text, source: record.source)
    return layout
  }

  private func text(_ record: Record, forAnswer: Bool) throws(InputError) -> RecordLayout {
    switch record.content {
    case .text(let text): return RecordLayout(prompt: "", answer: text)
    case .promptCompletion(let prompt, let answer):
      guard wrapsPrompts, template != nil else {
        return RecordLayout(prompt: prompt, answer: forAnswer ? "" : answer ?? "")
      }
      let answer = answer.map { [ChatMessage(.assistant, $0)] } ?? []
      return try layout([ChatMessage(.user, prompt)] + answer, record, forAnswer: forAnswer)
    case .messages(let messages): return try layout(messages, record, forAnswer: forAnswer)
    }
  }

  private func layout(
    _ messages: [ChatMessage], _ record: Record, forAnswer: Bool
  ) throws(InputError) -> RecordLayout {
    guard let template else {
      if record.rated != nil {
        // A model that was never taught to talk can learn to rate: what is read and what is answered are lines of a
        // text.
        let read = messages[..<record.promptMessages], answer = messages[record.promptMessages...]
        return RecordLayout(
          prompt: read.map { $0.content + "\n" }.joined(), answer: forAnswer ? "" : answer.first?.content ?? "")
      }
      throw folderTemplate.error(record.source, tokenizer)
    }
    let asked = forAnswer && messages.last?.role == .assistant ? Array(messages.dropLast()) : messages
    do throws(InputError) {
      return RecordLayout(
        try template.render(asked, addGenerationPrompt: forAnswer, tokens: TemplateTokens(tokenizer)), asked,
        read: record.promptMessages)
    } catch {
      var error = error
      error.path = record.source
      throw error
    }
  }

  // MARK: Tokens

  /// Whether the tokenizer puts its begin token before a text that does not begin with it. What a template wrote is
  /// taken as it is, as `apply_chat_template` has it; but the processors of models that see put it there all the same.
  private func addsBegin(_ layout: RecordLayout) -> Bool {
    if case .imagesBeforeBegin? = images?.layout { return false }
    return !layout.isRendered || images != nil
  }

  /// The text's tokens, and whether each is learnt; and whether any answer was cut apart from what is before it.
  private func cut(
    _ layout: RecordLayout, apart: Bool
  ) -> (tokens: [(piece: TokenPiece, isAnswer: Bool)], wasCutApart: Bool) {
    var result = [(piece: TokenPiece, isAnswer: Bool)](), wasCutApart = false
    var rest = layout.text.unicodeScalars[...], offset = 0, isStart = true
    var all = tokens(of: String(rest), addSpecialTokens: addsBegin(layout)), done = 0
    for answer in layout.answers {
      let prompt = String(rest.prefix(answer.lowerBound - offset))
      let before = tokens(of: prompt, addSpecialTokens: isStart && addsBegin(layout))
      if apart || all.count < before.count || !zip(all, before).allSatisfy({ $0.id == $1.id }) {
        // Cut apart here: what follows begins anew.
        wasCutApart = true
        result += before[done...].map { ($0.shifted(by: offset), false) }
        rest = rest.dropFirst(answer.lowerBound - offset)
        (offset, isStart, done) = (answer.lowerBound, false, 0)
        all = tokens(of: String(rest), addSpecialTokens: false)
      } else {
        result += all[done..<before.count].map { ($0.shifted(by: offset), false) }
        done = before.count
      }
      let end = all[done...].firstIndex { $0.range.lowerBound + offset >= answer.upperBound } ?? all.count
      result += all[done..<end].map { ($0.shifted(by: offset), true) }
      done = end
    }
    return (result + all[done...].map { ($0.shifted(by: offset), false) }, wasCutApart)
  }

  /// Tokens of a text with what the post-processor puts in front, unless the text begins with it, but not what it puts
  /// behind: the text goes on.
  private func tokens(of text: String, addSpecialTokens: Bool) -> [TokenPiece] {
    guard let images, case .tiled = images.preparation else {
      return plainTokens(of: text, addSpecialTokens: addSpecialTokens)
    }
    var pieces = [TokenPiece](), offset = 0
    for (index, part) in text.split(separator: images.mark, omittingEmptySubsequences: false).enumerated() {
      if index > 0 {
        let end = offset + images.mark.unicodeScalars.count
        pieces.append(TokenPiece(id: images.id, range: offset..<end))
        offset = end
      }
      let own = plainTokens(of: String(part), addSpecialTokens: index > 0 || addSpecialTokens)
      pieces += own.map { $0.shifted(by: offset) }
      offset += part.unicodeScalars.count
    }
    return pieces
  }

  private func plainTokens(of text: String, addSpecialTokens: Bool) -> [TokenPiece] {
    let encoding = tokenizer.encode(text, addSpecialTokens: addSpecialTokens)
    let pieces = zip(encoding.ids, encoding.offsets).map { TokenPiece(id: $0, range: $1) }
    let added = encoding.ids[..<encoding.body.lowerBound], body = encoding.ids[encoding.body]
    return Array(pieces[(body.starts(with: added) ? added.endIndex : 0)..<encoding.body.upperBound])
  }
}

extension TokenPiece {
  fileprivate func shifted(by offset: Int) -> TokenPiece {
    TokenPiece(id: id, range: range.lowerBound + offset..<range.upperBound + offset)
  }
}

/// An example and all that was found in it, for `dist2 inspect` and for counting what does not fit.
public struct ExampleAnalysis: Sendable, Hashable {
  /// What was read.
  public var record: Record
  /// As the model reads it.
  public var text: String
  /// Whether a chat template wrote it.
  public var isRendered: Bool
  /// The record's spans by name, in Unicode scalars of the text.
  public var spans: [String: [Range<Int>]]
  /// The tokens and what they cover, an appended end token left out.
  public var pieces: [TokenPiece]
  /// Counts of each metric, in the run's order.
  public var found: [[FoundMetric]]
  /// Training data.
  public var example: EncodedExample
  /// A mark that a message holds already, though the template writes it; nil if there is none.
  public var repeatedMark: Int32?
  /// Whether an answer's tokens were cut apart from those before it, which would not be the same otherwise.
  public var wasCutApart = false

  /// Forgets what was found at tokens that the example has lost.
  mutating func dropMetrics(from end: Int) {
    for metric in found.indices {
      for index in found[metric].indices {
        found[metric][index].positions.removeAll { $0.position >= end }
        found[metric][index].uncovered.removeAll { $0 >= end }
      }
      found[metric].removeAll { $0.positions.isEmpty && $0.uncovered.isEmpty }
    }
  }
}
