// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Objectives

/// The folder of a run: `run.yaml` as resolved, `metrics.jsonl`, TensorBoard's events, `samples.jsonl`, `checkpoints/`,
/// `report.html`.
public struct RunFolder: Sendable {
  /// Where it is.
  public let path: String

  /// The folder of an earlier run, or of one that is to begin.
  public init(_ path: String) { self.path = path }

  /// The run file as resolved.
  public var runFile: String { path + "/run.yaml" }
  /// Folder of the checkpoints.
  public var checkpoints: String { path + "/checkpoints" }
  /// The page to look at.
  public var report: String { path + "/report.html" }
  var samples: String { path + "/samples.jsonl" }
  var metrics: String { path + "/metrics.jsonl" }
  var data: String { path + "/data.json" }
  /// How the run files begin that are written here.
  static let firstLine = "# Written by dist2: every key with what it came to."

  /// Settings that change nothing about what a run computes.
  private static let harmless: Set<String> = [
    "output", "reference.folder", "train.keep", "train.checkpointEvery", "train.samples", "train.sampleEvery",
    "train.answers",
  ]
  /// A setting that changes nothing about it either, but must be the same in all processes.
  private static let common = "train.shard"

  /// Begins a run here, or makes sure that the one begun here is the same.
  ///
  /// A run may be made longer: `train.steps` or `train.epochs` may grow. One that ended before its first step is forgotten.
  ///
  /// - Returns: what must be said of a run that is made longer.
  /// - Throws: `InputError` naming the keys that differ, or the data file that has changed.
  func claim(_ settings: RunSettings, fingerprints: [String: UInt64]) throws -> String? {
    try makeFolders(path)
    let prints = JSON.object(
      fingerprints.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = .string("\($1.value)") })
    if hasNotBegun { forget(keepingFolder: true) }
    if FileManager.default.fileExists(atPath: runFile) {
      let growth = try growth(to: settings)
      let differences = try differences(from: settings).filter { difference in
        growth.map { !difference.hasPrefix("\($0.key): ") } ?? true
      }
      guard differences.isEmpty else {
        throw InputError(
          path: path, expected: "a new folder or one of the same run",
          found: "a run with other settings: " + differences.prefix(4).joined(separator: "; "),
          remedy: "Choose another folder with --output, or remove this one.")
      }
      let stored = try JSONReader(file: data).value
      guard stored == prints else {
        throw InputError(
          path: path, expected: "the data files of the run's beginning", found: "files that have changed since",
          remedy: "Restore them to go on, or choose another folder with --output to begin anew.")
      }
      guard let growth else { return nil }
      try writeRunFile(settings)
      return
        "\(growth.key) is \(growth.new), was \(growth.old): the run is made longer. From here on the learning rate "
        + "is that of the longer run's schedule"
    }
    guard !fileExists(path + "/settings.json") else {
      throw InputError(
        path: path, expected: "a new folder, or one of a run", found: "a comparison's, or another experiment's",
        remedy: "Choose another folder with --output.")
    }
    try AtomicFile.write(prints, to: data)
    try writeRunFile(settings)
    return nil
  }

  private func writeRunFile(_ settings: RunSettings) throws {
    let text = "\(Self.firstLine) `dist2 train` takes this file as well.\n"
    try AtomicFile.write((text + settings.resolved.yaml).utf8, to: runFile)
  }

  /// The length of the run begun here, where that of the settings is greater.
  private func growth(to settings: RunSettings) throws -> (key: String, old: String, new: String)? {
    let old = try SettingsDocument(file: runFile).root["train"], new = settings.resolved["train"]
    for key in ["steps", "epochs"] {
      guard let before = old?[key], let after = new?[key], let few = Double(setting: before),
        let many = Double(setting: after), many > few
      else { continue }
      return ("train.\(key)", before.text(), after.text())
    }
    return nil
  }

  /// Keys under which settings differ from those of the run begun here.
  ///
  /// Where the texts differ, what they mean is compared: a run of an earlier version lacks keys that came since, and has
  /// null where they have words now.
  private func differences(from settings: RunSettings) throws -> [String] {
    let old = try SettingsDocument(file: runFile).root
    let differences = Self.differences(old, settings.resolved)
    guard !differences.isEmpty else { return [] }
    guard var meant = try? RunSettings(file: runFile) else { return differences }
    // Before there was this key each metric had a mean of its own.
    if settings.metrics.count > 1, old["objective"]?["reduction"] == nil {
      meant.objective.reduction = .meansPerMetric
    }
    return Self.differences(meant.resolved, settings.resolved)
  }

  /// Keys under which two trees differ, as `train.seed: 1, now 2`.
  static func differences(_ old: JSON, _ new: JSON) -> [String] {
    old.differences(in: new).filter { matters($0.key) && $0.key != common }.map(\.description)
  }

  /// Settings that all processes of a run must share, by key.
  static func keys(of settings: JSON) -> [(key: String, value: String)] {
    settings.leaves("").filter { matters($0.0) }.map { ($0.0, $0.1.text()) }
  }

  private static func matters(_ key: String) -> Bool { !harmless.contains(key) && !key.hasPrefix("evaluate.") }
}
