// SPDX-License-Identifier: Apache-2.0
public import Files
import TokenData
public import Torch

/// Answers or rates records as they come: JSON lines in, JSON lines out, in order, as many at a time as are waiting.
public final class LineStream {
  /// Work on each record.
  public enum Task: Sendable {
    /// It is answered, in the company of other models.
    case generateAmong(GenerationCompany)
    /// Its answer is rated by how much more probable the model finds it than its reference model: β·Σ(log π − log π_ref).
    /// The reference model and β are the run's unless they are named; `tokens` tells those of single tokens too.
    /// Lines of several responses to a prompt are then told again with the rewards of their tokens.
    case scoreImplicitly(reference: String?, beta: Double?, tokens: Bool)
    /// Its answer is rated by how much more probable the model finds its tokens after one instruction (nil: none) than
    /// after another: σ(log π₊ − log π₋) − ½. `tokens` as above.
    case scoreByContrast(better: String?, worse: String, tokens: Bool)
    /// Its answer is rated: by a reward model with scores, by others with how probable it is, and with a metric the
    /// number it begins with is read out.
    case score

    /// It is answered by the model alone.
    public static var generate: Task { .generateAmong(GenerationCompany()) }
  }

  private let reader: RecordReader
  private let skipBad: Bool
  private let folder: String
  private let work: any RecordWork
  /// Lines that are taken together. Fewer where each may show an image of 64 megapixels, a second's work: results
  /// appear as lines are done.
  private let atOnce: Int
  private let group: ProcessGroup?

  /// - Parameters:
  ///   - folder: from where the paths of images are seen.
  ///   - isAsTyped: whether prompts are texts that somebody typed, which data.template writes nothing into.
  ///   - group: processes that share the lines; nil for one alone.
  ///   - change: changes how answers are generated.
  public init(
    _ choice: ModelChoice, _ task: Task, folder: String = ".", isAsTyped: Bool = false, group: ProcessGroup? = nil,
    change: (inout Answering) -> Void = { _ in }
  ) throws {
    var answering = Answering(choice.artifacts)
    change(&answering)
    var reader = choice.artifacts.reader
    reader.needsAnswer = false
    if isAsTyped { reader.template = nil }
    switch task {
    case .generateAmong(let company): work = try Generating(choice, answering, among: company)
    case .scoreImplicitly(let reference, let beta, let tokens):
      reader.needsAnswer = true
      work = ImplicitScoring(
        try ImplicitReward(choice, reference: reference, beta: beta), showsTokens: tokens,
        fields: choice.artifacts.settings.data.responseFields)
    case .scoreByContrast(let better, let worse, let tokens):
      reader.needsAnswer = true
      work = ImplicitScoring(
        try ImplicitReward(choice, better: better, worse: worse), showsTokens: tokens,
        fields: choice.artifacts.settings.data.responseFields)
    case .score where choice.artifacts.settings.reward != nil:
      work = RewardScoring(rewardModel: try loadRewardModel(choice))
    case .score:
      reader.needsAnswer = true
      work = try Likelihoods(choice, answering)
    }
    self.reader = reader
    self.folder = folder
    self.group = group
    atOnce = (choice.artifacts.encoder.images == nil ? 256 : 8) * (group?.size ?? 1)
    skipBad = choice.artifacts.settings.data.skipBad
  }

  /// Reads lines until there are no more.
  ///
  /// - Parameters:
  ///   - source: name of the input in errors.
  ///   - next: the lines that are waiting (at least one; at most `limit`), nil at the end.
  ///   - write: takes one line of output.
  /// - Throws: `InputError` naming the first bad line, after the lines before it were answered; lines that are bad are
  ///   answered by `{"error": …}` if they are to be skipped.
  public func run(
    source: String, next: (_ limit: Int) throws -> [String]?, write: (String) throws -> Void
  ) throws {
    try run(source: source, lines: { try next($0)?.map { .success($0) } }, write: write)
  }

  /// As ``run(source:next:write:)``, where lines may be bad from the start: no text, or too long.
  public func run(
    source: String, lines next: (_ limit: Int) throws -> [Result<String, InputError>]?, write: (String) throws -> Void
  ) throws {
    let source = try group?.fromFirst { source } ?? source
    var number = 0, records = 0, isFirst = true
    while let lines = try lines(next) {
      var entries = [Result<Item, InputError>](), bad: InputError?
      for index in lines.indices where bad == nil {
        number += 1
        let line: String
        switch lines[index] {
        case .success(let text): line = text
        case .failure(let error):
          if skipBad { entries.append(.failure(error)) } else { bad = error }
          continue
        }
        let text =
          number == 1 && line.unicodeScalars.first == "\u{FEFF}" ? String(line.unicodeScalars.dropFirst()) : line
        guard text.contains(where: { !$0.isWhitespace }) else { continue }
        let following = lines[(index + 1)...].lazy.compactMap { try? $0.get() }.first {
          $0.contains { !$0.isWhitespace }
        }
        do {
          let item = try item(text, source, number, place: records, isFirst: isFirst, following)
          if case .record = item { records += 1 }
          entries.append(.success(item))
        } catch let error as InputError {
          if skipBad { entries.append(.failure(error)) } else { bad = error }
        }
        isFirst = false
      }
      let told = try group.sharing(entries) { try results(of: $0).map { try $0.output(path: source) } }
      if group.isFirst { for line in told { try write(line) } }
      if let bad { throw bad }
    }
  }

  /// The next lines: of several processes the first reads them.
  private func lines(
    _ next: (_ limit: Int) throws -> [Result<String, InputError>]?
  ) throws -> [Result<String, InputError>]? {
    guard let group else { return try next(atOnce) }
    return try group.fromFirst { try next(atOnce)?.map(ReadLine.init) }?.map(\.line)
  }

  /// What a line holds.
  private enum Item {
    /// Which record of the input it is, from 0.
    case record(Record, place: Int)
    case responses(ResponseLine)
  }

  /// One line each, in order.
  private func results(of entries: [Result<Item, InputError>]) throws -> [JSON] {
    let items = entries.compactMap { try? $0.get() }
    let records = items.compactMap { if case .record(let record, let place) = $0 { (record, place) } else { nil } }
    let lines = items.compactMap { if case .responses(let line) = $0 { line } else { nil } }
    var single =
      records.isEmpty
      ? []
      : try naming(records.map(\.0.source)) { try work.results(of: records.map(\.0), places: records.map(\.1)) }[...]
    var several = lines.isEmpty ? [] : try work.results(ofResponses: lines)[...]
    return entries.map { entry in
      switch entry {
      case .failure(let error): .object(error.asObject)
      case .success(.record): single.removeFirst()
      case .success(.responses): several.removeFirst()
      }
    }
  }

  /// A line as something that can be worked on; errors name the line.
  private func item(
    _ line: String, _ source: String, _ number: Int, place index: Int, isFirst: Bool, _ next: String?
  ) throws -> Item {
    let place = "line \(number)", name = "\(source) \(place)"
    do {
      let object = try Array(line.utf8).withUnsafeBytes { bytes in
        Result { () throws(InputError) in
          try lineObject(
            bytes, path: source, number: number, isFirst: isFirst, next: next.map { Array($0.utf8.prefix(8)) })
        }
      }.get()
      if let responses = work.responses, let format = responses.detected(in: object), format != .unpaired,
        let record = try responses.records(object, source: name).first
      {
        try work.check(record)
        return .responses(ResponseLine(record: record, object: try object.object()))
      }
      let record = try reader.record(object, source: name, folder: folder)
      try work.check(record)
      return .record(record, place: index)
    } catch var error as InputError {
      if error.path == name { error.path = source }
      if !error.place.hasPrefix("line ") { error.place = place + (error.place.isEmpty ? "" : ", \(error.place)") }
      throw error
    }
  }
}

/// A line on its way to other processes.
private enum ReadLine: Codable {
  case text(String)
  case bad(path: String, place: String, expected: String, found: String, remedy: String)

  init(_ line: Result<String, InputError>) {
    switch line {
    case .success(let text): self = .text(text)
    case .failure(let error):
      self = .bad(
        path: error.path, place: error.place, expected: error.expected, found: error.found, remedy: error.remedy)
    }
  }

  var line: Result<String, InputError> {
    switch self {
    case .text(let text): .success(text)
    case .bad(let path, let place, let expected, let found, let remedy):
      .failure(InputError(path: path, place: place, expected: expected, found: found, remedy: remedy))
    }
  }
}

extension InputError {
  fileprivate var asObject: JSONObject {
    var object = JSONObject()
    object["error"] = .string(description)
    return object
  }
}
