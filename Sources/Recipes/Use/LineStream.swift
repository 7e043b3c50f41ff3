// SPDX-License-Identifier: Apache-2.0
public import Files
import TokenData

/// Answers or rates records as they come: JSON lines in, JSON lines out, in order, as many at a time as are waiting.
public final class LineStream {
  /// Work on each record.
  public enum Task: Sendable {
    /// It is answered, in the company of other models.
    case generateAmong(GenerationCompany)
    /// Its answer is rated by how much more probable the model finds it than its reference model: β·Σ(log π − log π_ref).
    /// The reference model and β are the run's unless they are named; `tokens` tells those of single tokens too.
    case scoreImplicitly(reference: String?, beta: Double?, tokens: Bool)
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

  /// - Parameters:
  ///   - folder: from where the paths of images are seen.
  ///   - isAsTyped: whether prompts are texts that somebody typed, which data.template writes nothing into.
  ///   - change: changes how answers are generated.
  public init(
    _ choice: ModelChoice, _ task: Task, folder: String = ".", isAsTyped: Bool = false,
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
        reward: try ImplicitReward(choice, reference: reference, beta: beta), showsTokens: tokens)
    case .score where choice.artifacts.settings.reward != nil:
      work = RewardScoring(rewardModel: try loadRewardModel(choice))
    case .score:
      reader.needsAnswer = true
      work = try Likelihoods(choice, answering)
    }
    self.reader = reader
    self.folder = folder
    atOnce = choice.artifacts.encoder.images == nil ? 256 : 8
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
    var number = 0, isFirst = true
    while let lines = try next(atOnce) {
      var records = [(record: Record?, error: InputError?)](), bad: InputError?
      for index in lines.indices where bad == nil {
        number += 1
        let line: String
        switch lines[index] {
        case .success(let text): line = text
        case .failure(let error):
          if skipBad { records.append((nil, error)) } else { bad = error }
          continue
        }
        let text =
          number == 1 && line.unicodeScalars.first == "\u{FEFF}" ? String(line.unicodeScalars.dropFirst()) : line
        guard text.contains(where: { !$0.isWhitespace }) else { continue }
        let following = lines[(index + 1)...].lazy.compactMap { try? $0.get() }.first {
          $0.contains { !$0.isWhitespace }
        }
        do {
          records.append((try record(text, source, number, isFirst: isFirst, following), nil))
        } catch let error as InputError {
          if skipBad { records.append((nil, error)) } else { bad = error }
        }
        isFirst = false
      }
      let all = records.compactMap(\.record)
      let results = all.isEmpty ? [] : try naming(all.map(\.source)) { try work.results(of: all) }
      var rest = results[...]
      for entry in records {
        let object = entry.error.map { JSON.object($0.asObject) } ?? rest.removeFirst()
        try write(object.output(path: source))
      }
      if let bad { throw bad }
    }
  }

  /// A line as a record that can be worked on; errors name the line.
  private func record(
    _ line: String, _ source: String, _ number: Int, isFirst: Bool, _ next: String?
  ) throws -> Record {
    let place = "line \(number)", name = "\(source) \(place)"
    do {
      let object = try Array(line.utf8).withUnsafeBytes { bytes in
        Result { () throws(InputError) in
          try lineObject(
            bytes, path: source, number: number, isFirst: isFirst, next: next.map { Array($0.utf8.prefix(8)) })
        }
      }.get()
      let record = try reader.record(object, source: name, folder: folder)
      try work.check(record)
      return record
    } catch var error as InputError {
      if error.path == name { error.path = source }
      if !error.place.hasPrefix("line ") { error.place = place + (error.place.isEmpty ? "" : ", \(error.place)") }
      throw error
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
