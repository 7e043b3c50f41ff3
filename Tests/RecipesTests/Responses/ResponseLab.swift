// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import Testing
import Training

/// A folder with the tiny Llama of the fixtures, a tokenizer of its 48 words, and files of responses; deleted afterwards.
final class ResponseLab {
  let folder: String

  /// What TRL's trainers were given, and what they logged: `Tests/Fixtures/sequences/training.py`.
  struct Recorded: Decodable {
    struct Row: Codable {
      var prompt: String
      var chosen, rejected, completion: String?
      var label: Bool?
    }
    var records: [Row]
    var steps: [[String: Double]]
  }

  static let recorded: [String: Recorded] = {
    let file = URL(fileURLWithPath: fixtures + "/sequences/training.json")
    return try! JSONDecoder().decode([String: Recorded].self, from: Data(contentsOf: file))
  }()

  private static let fixtures =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures"

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "responses-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Self.fixtures + "/llama/gqa-llama3", toPath: folder + "/model")
    let config = try String(contentsOfFile: folder + "/model/config.json", encoding: .utf8)
    try write("model/config.json", config.replacing("\"eos_token_id\": 2", with: "\"eos_token_id\": 1"))
    let words = ["<pad>", "</s>"] + (2..<48).map { "w\($0)" }
    let vocabulary = words.enumerated().reduce(into: JSONObject()) { $0[$1.element] = .int($1.offset) }
    let added = (0..<2).map { id -> JSON in
      [
        "id": .int(id), "content": .string(words[id]), "single_word": .bool(false), "lstrip": .bool(false),
        "rstrip": .bool(false), "normalized": .bool(false), "special": .bool(true),
      ]
    }
    let tokenizer: JSON = [
      "version": "1.0", "added_tokens": .array(added), "normalizer": .null,
      "pre_tokenizer": ["type": "WhitespaceSplit"], "post_processor": .null, "decoder": .null,
      "model": ["type": "WordLevel", "vocab": .object(vocabulary), "unk_token": "<pad>"],
    ]
    try write("model/tokenizer.json", tokenizer.text())
    try write("model/tokenizer_config.json", #"{"eos_token": "</s>", "pad_token": "<pad>"}"#)
    try write("pairs.jsonl", Self.lines(Self.recorded["dpo"]?.records ?? []))
    try write("weighted.jsonl", Self.weighted(Self.recorded["dpo"]?.records ?? []))
    try write("single.jsonl", Self.lines(Self.recorded["kto"]?.records ?? []))
    try write(
      "groups.jsonl",
      (0..<4).map { index in
        #"{"prompt": "w\#(index + 2) w9", "completions": ["w3 w\#(index + 5)", "w7", "w8 w4 w11"], "scores": [\#(index), 1.5, -1]}"#
          + "\n"
      }.joined())
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func lines(_ rows: [some Encodable]) throws -> String {
    try rows.map { String(decoding: try encodedJSON($0, path: ""), as: UTF8.self) + "\n" }.joined()
  }

  /// The pairs with made-up numbers for each token, which are words here.
  private static func weighted(_ rows: [Recorded.Row]) -> String {
    rows.map { row in
      var object = JSONObject()
      object["prompt"] = .string(row.prompt)
      for (side, text) in [("chosen", row.chosen ?? ""), ("rejected", row.rejected ?? "")] {
        let count = text.split(separator: " ").count
        object[side] = .string(text)
        object["\(side)_weights"] = .array((0..<count).map { .double(Double($0 + 1) / Double(count + 1)) })
        object["\(side)_divergence_weights"] = .array((0..<count).map { .int($0 % 2) })
        object["\(side)_rewards"] = .array((0..<count).map { .double(side == "chosen" ? 0.2 : -0.1 * Double($0)) })
      }
      return JSON.object(object).text() + "\n"
    }.joined()
  }

  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  /// What TRL's trainers were told.
  static let train =
    "{ steps: 3, batch: 8, learningRate: 1.0e-3, schedule: constant, clip: 1, samples: 0, packing: 0 }"

  func settings(_ yaml: String, output: String = "out", _ overrides: [String] = []) throws -> RunSettings {
    try write("run.yaml", "model: model\n" + yaml)
    return try RunSettings(file: folder + "/run.yaml", overrides: ["output=\"\(folder)/\(output)\""] + overrides)
  }

  /// A run of `data` by an objective that shows nothing.
  func run(
    _ objective: String, data: String = "pairs.jsonl", _ more: String = "", train: String = ResponseLab.train,
    output: String = "out", _ overrides: String...
  ) throws -> TrainRun {
    let settings = try settings(
      "data: { train: \(data) }\nobjective: \(objective)\ntrain: \(train)\n\(more)", output: output, overrides)
    return TrainRun(try trainingArtifacts(settings), command: "dist2 train run.yaml", terminal: quiet)
  }

  /// The lines of a run's log.
  func log(_ output: String = "out") throws -> [JSONObject] { try MetricsLog.read("\(folder)/\(output)/metrics.jsonl") }
}

extension TrainRun {
  /// Steps of a run to its end.
  func steps() throws -> [StepMetrics] {
    var steps = [StepMetrics]()
    observe = { if case .step(let step) = $0 { steps.append(step) } }
    _ = try run()
    return steps
  }
}

extension StepMetrics {
  /// The means beside the loss.
  var measured: [String: Double] {
    Dictionary((measurements ?? []).map { ($0.name, $0.value) }) { first, _ in first }
  }
}
