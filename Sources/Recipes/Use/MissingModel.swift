// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Kind of a folder (or file) that was given as a model but has no `config.json`, and what to give instead.
///
/// - Returns: nil if nothing can be said.
func whyNoModel(_ path: String) -> (found: String, remedy: String)? {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
  if path.hasSuffix(".gguf") && fileExists(path) {
    return ("a GGUF file", "Import it first: dist2 import \(path) -o FOLDER.")
  }
  if let adapter = StoredAdapter(path) { return adapter.whyNoModel }
  if fileExists(path + "/run.yaml") {
    return ("the folder of a run", "Train from what it made: dist2 export \(path) -o FOLDER, then name FOLDER.")
  }
  if let gguf = names.first(where: { $0.hasSuffix(".gguf") }) {
    return ("a GGUF file in it, no config.json", "Import it first: dist2 import \(path)/\(gguf) -o FOLDER.")
  }
  let inner = names.filter {
    fileExists("\(path)/\($0)/config.json") || fileExists("\(path)/\($0)/adapter_config.json")
  }
  if let last = inner.max(by: { step($0) < step($1) }) {
    return (
      "no config.json, but folders that have one: \(inner.prefix(4).joined(separator: ", "))",
      "Name one of them: \(path)/\(last)."
    )
  }
  // The cache of the hub keeps a model as snapshots/COMMIT.
  let snapshots = (try? FileManager.default.contentsOfDirectory(atPath: path + "/snapshots")) ?? []
  if let snapshot = snapshots.sorted().first {
    return ("a folder of the hub's cache", "Name a snapshot in it: \(path)/snapshots/\(snapshot).")
  }
  if names.contains(where: { $0.hasSuffix(".bin") || $0.hasSuffix(".pt") || $0.hasSuffix(".pth") }) {
    return (
      "weights in Python's pickle format, no config.json",
      "Save the model with transformers: model.save_pretrained(FOLDER) and tokenizer.save_pretrained(FOLDER)."
    )
  }
  if names.contains(where: { $0.hasSuffix(".safetensors") }) {
    return ("weights without config.json", "Copy config.json and tokenizer.json of their model beside them.")
  }
  return nil
}

/// The number at a name's end, as of `checkpoint-500`.
private func step(_ name: String) -> Int {
  Int(name.reversed().prefix { $0.isNumber }.reversed().map(String.init).joined()) ?? -1
}
