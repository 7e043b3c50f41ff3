import Files
import Foundation

/// A folder of finished cells: one file each, so that an interrupted experiment goes on where it stopped.
///
///     runs/regression-small/settings.json
///     runs/regression-small/cells/dist-n10-seed1.json
public struct CellStore<Settings: Codable & Equatable, Result: Codable> {
  /// The experiment's folder.
  public let folder: String
  /// What every cell of it was made with.
  public let settings: Settings

  /// Opens or creates the folder of an experiment.
  ///
  /// - Parameter joined: settings that hold both those of the folder and new ones, such as more seeds; nil where their
  ///   cells must not be mixed.
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
        throw InputError(
          path: path, expected: "the settings of this experiment",
          found: "an experiment made with other settings, whose results must not be mixed with these",
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

  /// Opens the folder of an experiment that was begun, with its own settings. Its path is then absolute: run files of
  /// cells name their data as seen from themselves, not from here.
  public init(folder: String) throws {
    let folder = absolutePath(folder)
    self.folder = folder
    settings = try Self.settings(folder + "/settings.json")
  }

  /// Where a cell's result is kept.
  public func path(of cell: String) -> String { "\(folder)/cells/\(cell).json" }

  /// Whether a cell is finished.
  public func isFinished(_ cell: String) -> Bool { fileExists(path(of: cell)) }

  /// The result of a finished cell, nil if it is not finished.
  public func result(of cell: String) throws -> Result? {
    isFinished(cell) ? try Self.read(Result.self, path(of: cell)) : nil
  }

  /// Keeps a cell's result: whole, or not at all.
  public func keep(_ result: Result, of cell: String) throws { try Self.write(result, path(of: cell)) }

  /// One of the settings' cells by its name.
  ///
  /// - Throws: `InputError` if there is none.
  package func cell<Cell>(named name: String, among cells: [Cell], _ nameOf: (Cell) -> String) throws -> Cell {
    guard let cell = cells.first(where: { nameOf($0) == name }) else {
      throw InputError(
        path: folder, place: "cell \(name)", expected: "a cell of the experiment's settings", found: "none")
    }
    return cell
  }

  /// Folder of the training run of a cell that takes long: interrupted, it goes on from its last checkpoint there.
  package func run(of cell: String) -> String { "\(folder)/runs/\(cell)" }

  /// Deletes the checkpoints of a cell's run, when its result is kept.
  package func dropCheckpoints(of cell: String) throws { try removeTree(RunFolder(run(of: cell)).checkpoints) }

  /// Folder of a cell's own training run. A cell that is run again starts anew.
  package func freshRun(of cell: String) throws -> String {
    let output = run(of: cell)
    try removeTree(output)
    return output
  }

  /// Cells of settings that cannot be read must not be taken for those of others.
  private static func settings(_ path: String) throws -> Settings {
    try read(Settings.self, path, remedy: "Choose another --output, or delete the folder.")
  }

  private static func read<T: Decodable>(
    _ type: T.Type, _ path: String, remedy: String = "Delete it; it will be made again."
  ) throws -> T {
    let bytes = try fileBytes(path)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw InputError(
        path: path, expected: "a file written by this version of dist2", found: "\(error)", remedy: remedy)
    }
  }

  private static func write(_ value: some Encodable, _ path: String) throws {
    try AtomicFile.write(encodedJSON(value, pretty: true, path: path), to: path)
  }
}
