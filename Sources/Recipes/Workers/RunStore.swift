// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// A folder of finished runs: one file each, so that an interrupted experiment goes on where it stopped.
///
///     runs/regression-small/settings.json
///     runs/regression-small/cells/dist-n10-seed1.json
public struct RunStore<Settings: Codable & Equatable, Result: Codable> {
  /// The experiment's folder.
  public let folder: String
  /// Settings of all its runs.
  public let settings: Settings

  /// Opens or creates the folder of an experiment.
  ///
  /// - Parameter joined: settings that hold both those of the folder and new ones, such as more seeds; nil where their
  ///   runs must not be mixed.
  /// - Throws: `InputError` if the folder holds an experiment with other settings.
  public init(
    folder: String, settings: Settings,
    joined: (_ kept: Settings, _ new: Settings) -> Settings? = { $0 == $1 ? $0 : nil }
  ) throws {
    self.folder = folder
    let path = folder + "/settings.json"
    if fileExists(path) {
      let found = try Self.settings(path)
      guard let both = joined(found, settings) else {
        let differences = try Self.differences(from: found, to: settings, joined: joined)
        throw InputError(
          path: path, expected: "the settings of this experiment, whose results may be mixed with these",
          found: "other settings: \(SettingDifference.listed(differences))",
          remedy: "Choose another --output, or delete the folder.")
      }
      self.settings = both
      if both != found { try Self.write(both, path) }
    } else {
      self.settings = settings
      let others = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
      if let first = others.first(where: { $0 != "cells" && !$0.hasPrefix(".") }) {
        throw InputError(
          path: folder, expected: "an experiment's folder, or none",
          found: "a folder with \(first) and no settings.json",
          remedy: "Choose another --output: the report would replace files in it.")
      }
      try makeFolders(folder + "/cells")
      try Self.write(settings, path)
    }
  }

  /// Opens the folder of an experiment that was begun, with its own settings. Its path is then absolute: run files
  /// name their data as seen from themselves, not from here.
  public init(folder: String) throws {
    let folder = absolutePath(folder)
    self.folder = folder
    settings = try Self.settings(folder + "/settings.json")
  }

  /// Where a run's result is kept.
  public func path(of runName: String) -> String { "\(folder)/cells/\(runName).json" }

  /// Whether a run is finished.
  public func isFinished(_ runName: String) -> Bool { fileExists(path(of: runName)) }

  /// The result of a finished run, nil if it is not finished.
  public func result(of runName: String) throws -> Result? {
    isFinished(runName) ? try Self.read(Result.self, path(of: runName)) : nil
  }

  /// Keeps a run's result: whole, or not at all.
  public func keep(_ result: Result, of runName: String) throws { try Self.write(result, path(of: runName)) }

  /// One of the settings' runs by its name.
  ///
  /// - Throws: `InputError` if there is none.
  package func run<Run>(named name: String, among runs: [Run], _ nameOf: (Run) -> String) throws -> Run {
    guard let run = runs.first(where: { nameOf($0) == name }) else {
      throw InputError(
        path: folder, place: "run \(name)", expected: "a run of the experiment's settings", found: "none")
    }
    return run
  }

  /// Folder of the training of a run that takes long: interrupted, it goes on from its last checkpoint there.
  package func run(of runName: String) -> String { "\(folder)/runs/\(runName)" }

  /// Deletes the checkpoints of a run, when its result is kept.
  package func dropCheckpoints(of runName: String) throws { try removeTree(RunFolder(run(of: runName)).checkpoints) }

  /// Folder of a run's training. A run that is repeated starts anew.
  package func freshRun(of runName: String) throws -> String {
    let output = run(of: runName)
    try removeTree(output)
    return output
  }

  /// Runs of settings that cannot be read must not be taken for those of others.
  private static func settings(_ path: String) throws -> Settings {
    try read(Settings.self, path, remedy: "Choose another --output, or delete the folder.") { bytes in
      Array(renamingKeys(String(decoding: bytes, as: UTF8.self)).utf8)
    }
  }

  /// A settings file with keys of assignments by the names they have today; run files that stand in it are read by both.
  private static func renamingKeys(_ text: String) -> String {
    text.replacing("\"data.squarePictures=", with: "\"data.squareImages=")
  }

  private static func read<T: Decodable>(
    _ type: T.Type, _ path: String, remedy: String = "Delete it; it will be made again.",
    rewriting rewrite: ([UInt8]) -> [UInt8] = { $0 }
  ) throws -> T {
    let bytes = try fileBytes(path)
    do {
      return try JSONDecoder().decode(type, from: Data(rewrite([UInt8](bytes))))
    } catch {
      throw InputError(
        path: path, expected: "a file written by this version of dist2", found: "\(error)", remedy: remedy)
    }
  }

  private static func write(_ value: some Encodable, _ path: String) throws {
    try AtomicFile.write(encodedJSON(value, pretty: true, path: path), to: path)
  }
}
