// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenData

/// Writes outcomes the way RewardBench's own tools write and read them.
///
///     DIR/eval-set/MODEL.json          accuracy of each subset, by RewardBench's rule for ties
///     DIR/eval-set-scores/MODEL.json   the scores, a column a field
///     DIR/MODEL_outputs.jsonl          a row an example (pairs only)
///     DIR/MODEL_all.jsonl              {"chosen": s, "rejected": s} (pairs only)
///     DIR/MODEL-report.json            our own figures, with intervals
public struct PreferenceFiles: Sendable {
  /// Name of the model, `organisation/name` as on a hub: a folder and a file.
  public let model: String
  /// Name of its kind in the tools: `Generative`, `Seq. Classifier`.
  public let kind: String
  private let outcomes: [PreferenceOutcome]
  private let report: PreferenceReport

  /// - Parameter model: characters that paths do not have are replaced.
  public init(_ report: PreferenceReport, _ outcomes: [PreferenceOutcome], model: String? = nil, kind: String) {
    self.model = Self.name(model ?? report.rewardModel)
    (self.report, self.outcomes, self.kind) = (report, outcomes, kind)
  }

  /// Writes all of them.
  ///
  /// - Returns: their paths.
  /// - Throws: `InputError` if a file cannot be written.
  @discardableResult public func write(to folder: String) throws -> [String] {
    if let bad = columns.notFinite { throw InputError.notFinite(bad.value, at: bad.place, of: folder) }
    var files: [(name: String, text: String)] = [
      ("eval-set/\(model).json", subsets.indented + "\n"), ("eval-set-scores/\(model).json", columns.indented + "\n"),
      ("\(model)-report.json", try report.json.output(pretty: true, path: "\(model)-report.json") + "\n"),
    ]
    if isPairs {
      files.append(("\(model)_outputs.jsonl", lines(outcomes.map(output))))
      files.append(
        (
          "\(model)_all.jsonl",
          lines(outcomes.map { ["chosen": .double($0.scores.chosen[0]), "rejected": .double($0.scores.rejected[0])] })
        ))
    }
    return try files.map { file in
      let path = folder + "/" + file.name
      try makeFolders(parentFolder(of: path))
      try AtomicFile.write(file.text.utf8, to: path)
      return path
    }
  }

  /// Letters, digits and `._-`, a `/` between parts that are not empty and do not begin with a dot.
  static func name(_ text: String) -> String {
    let parts = text.split(separator: "/").map { part in
      String(part.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
    }
    let named = parts.map { String($0.drop { $0 == "." }) }.filter { !$0.isEmpty }
    return named.isEmpty ? "model" : named.joined(separator: "/")
  }

  private var isPairs: Bool {
    outcomes.allSatisfy { $0.scores.chosen.count == 1 && $0.scores.rejected.count == 1 }
  }

  private var about: JSONObject {
    var object = JSONObject()
    object["model"] = .string(model)
    object["model_type"] = .string(kind)
    object["chat_template"] = "tokenizer"
    return object
  }

  private var subsets: JSON {
    var object = about
    for figure in report.subsets { object[figure.name] = .double(figure.official) }
    return .object(object)
  }

  private var columns: JSON {
    var object = about
    func column(_ key: String, _ value: (PreferenceOutcome) -> JSON) { object[key] = .array(outcomes.map(value)) }
    column("id") { .string($0.example.id) }
    column("subset") { .string($0.example.subset) }
    if isPairs {
      column("results") { .int(Int($0.official)) }
      column("scores_chosen") { .double($0.scores.chosen[0]) }
      column("scores_rejected") { .double($0.scores.rejected[0]) }
      column("text_chosen") { $0.example.chosen[0].conversation }
      column("text_rejected") { $0.example.rejected[0].conversation }
    } else {
      // The Ties subset has a score as a whole and none of its examples.
      column("results") { $0.example.subset == "Ties" ? .null : .double($0.official) }
      column("num_correct") { .int($0.example.chosen.count) }
      column("scores") { .array(($0.scores.chosen + $0.scores.rejected).map { .double($0) }) }
      column("text") { .array(($0.example.chosen + $0.example.rejected).map(\.conversation)) }
    }
    return .object(object)
  }

  private func output(_ outcome: PreferenceOutcome) -> JSON {
    let asked = outcome.example.chosen[0].messages
    return [
      "prompt": asked.count == 1 ? .string(asked[0].content) : asked.json,
      "results": .int(Int(outcome.official)), "scores_chosen": .double(outcome.scores.chosen[0]),
      "scores_rejected": .double(outcome.scores.rejected[0]), "text_chosen": outcome.example.chosen[0].conversation,
      "text_rejected": outcome.example.rejected[0].conversation,
    ]
  }

  private func lines(_ rows: [JSON]) -> String { rows.map { $0.text() + "\n" }.joined() }
}

extension RewardRequest {
  /// `[{"role": …, "content": …}, …]`, the response last.
  fileprivate var conversation: JSON { (messages + [ChatMessage(.assistant, response)]).json }
}

extension [ChatMessage] {
  fileprivate var json: JSON {
    .array(map { ["role": .string($0.role.rawValue), "content": .string($0.content)] })
  }
}

extension JSON {
  /// As Python's `json.dumps(…, indent=4, sort_keys=True)` lays it out, so that files of both compare line by line.
  var indented: String { laidOut(0) }

  private func laidOut(_ depth: Int) -> String {
    let inner = String(repeating: " ", count: 4 * (depth + 1)), outer = String(repeating: " ", count: 4 * depth)
    switch self {
    case .array(let values) where !values.isEmpty:
      return "[\n" + values.map { inner + $0.laidOut(depth + 1) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let object) where object.count > 0:
      let members = object.members.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
      let lines = members.map { inner + JSON.string($0.key).text() + ": " + $0.value.laidOut(depth + 1) }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default: return text()
    }
  }
}
