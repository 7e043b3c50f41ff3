// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// A folder of adapters as PEFT writes it: they change the model it names, and are none.
struct StoredAdapter {
  /// Its folder.
  let folder: String
  private var file: String { folder + "/adapter_config.json" }

  /// Nil where the folder holds no adapters, or a model's weights as well; `config.json` stands beside either.
  init?(_ folder: String) {
    self.folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    let weights = ["model.safetensors", "model.safetensors.index.json"]
    guard fileExists(file), !weights.contains(where: { fileExists("\(self.folder)/\($0)") }) else { return nil }
  }

  /// The run that it is a checkpoint of; nil if it is of none.
  var run: String? {
    let folder = URL(fileURLWithPath: folder).deletingLastPathComponent().deletingLastPathComponent().path
    return fileExists(folder + "/run.yaml") ? folder : nil
  }

  /// Model that it was trained on, as its file names it: a folder, or a name of the hub; nil where it names none.
  var base: String? { try? string("base_model_name_or_path") }

  private func string(_ key: String) throws -> String? {
    guard let field = try JSONReader(file: file, limit: 1 << 24).ifPresent(key), field.value != .null else {
      return nil
    }
    return try field.string()
  }

  /// The folder of the model that it was trained on.
  ///
  /// - Throws: `InputError` if its file names none, or that is not on this machine.
  func baseFolder() throws -> String {
    let key = "base_model_name_or_path"
    guard let base = try string(key), !base.isEmpty else {
      throw InputError(
        path: file, place: "key \(key)", expected: "the model that these adapters were trained on", found: "none",
        remedy: "Write its folder, or its name on the hub, under this key.")
    }
    let name = try string("revision").map { fileExists(base) ? base : "\(base)@\($0)" } ?? base
    do { return try modelFolder(name) } catch let error as InputError {
      throw InputError(
        path: file, place: "key \(key)", expected: "a model that is on this machine", found: "\(base): \(error.found)",
        remedy: "\(error.remedy) Or write under this key where it is.")
    }
  }

  /// What it is and what to give in its place, where a model is asked for.
  var whyNoModel: (found: String, remedy: String) {
    if let run {
      return (
        "an adapter (adapter_config.json), a run's checkpoint",
        "Name the run: \(run), with --step for another checkpoint."
      )
    }
    return (
      "an adapter (adapter_config.json)" + (base.map { " of \($0)" } ?? ""),
      "Merge it into its model, dist2 export \(CommandLine.shellWord(folder)) -o FOLDER, and name FOLDER; "
        + "commands that take a run take the adapter itself."
    )
  }
}
