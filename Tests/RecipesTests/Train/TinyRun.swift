// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Recipes
import Reports

/// A run small enough for tests: a two-layer model, a dozen sums to learn. The folder is deleted afterwards.
final class TinyRun {
  let folder: String
  private let isKept: Bool

  /// - Parameter kept: a folder that other processes use as well, so it is neither made anew nor deleted.
  init(keeping kept: String? = nil, data: String = TinyRun.sums(16), yaml: String = TinyRun.yaml) throws {
    isKept = kept != nil
    folder = kept ?? FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)").path
    if fileExists(folder + "/run.yaml") { return }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = try GGUFImport(importFixtures + "/smollm.gguf").write(to: folder + "/model", precision: .f32, replacing: false)
    try data.write(toFile: folder + "/train.jsonl", atomically: true, encoding: .utf8)
    try Self.sums(5).write(toFile: folder + "/valid.jsonl", atomically: true, encoding: .utf8)
    try yaml.write(toFile: folder + "/run.yaml", atomically: true, encoding: .utf8)
  }

  deinit { if !isKept { try? FileManager.default.removeItem(atPath: folder) } }

  func settings(_ overrides: String...) throws -> RunSettings { try settings(overrides) }

  func settings(_ overrides: [String]) throws -> RunSettings {
    try RunSettings(file: folder + "/run.yaml", overrides: ["output=\"\(folder)/out\""] + overrides)
  }

  func artifacts(_ overrides: String...) throws -> RunArtifacts { try RunArtifacts(settings(overrides)) }

  /// A run that shows nothing.
  func train(_ overrides: String...) throws -> TrainRun {
    TrainRun(try RunArtifacts(settings(overrides)), command: "dist2 train run.yaml", terminal: quiet)
  }

  /// Bytes of a file in the folder.
  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) }

  /// `7 + 8 = ` → `15`.
  static func sums(_ count: Int) -> String {
    (0..<count).map { index in
      let (a, b) = (index * 7 % 10, index * 3 % 10)
      return "{\"id\": \"sum \(index)\", \"prompt\": \"\(a) + \(b) = \", \"completion\": \"\(a + b)\"}\n"
    }.joined()
  }

  static let yaml = """
    model: model
    data: { train: train.jsonl, valid: valid.jsonl }
    metrics:
      - name: sum
        tokens: digits
        temperature: 2
        contrast: { radius: 1 }
    train: { steps: 12, batch: 4, learningRate: 0.01, validateEvery: 6, checkpointEvery: 4, samples: 2 }
    evaluate: { maxNewTokens: 6 }
    """
}

/// Takes everything and shows nothing.
let quiet = Terminal(
  isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 100, rows: 30) },
  write: { _ in })
