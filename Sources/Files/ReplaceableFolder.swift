// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Throws unless a folder that is to be replaced holds a model and nothing else, is empty or absent: no home, folder of
/// images or run is deleted because its name was typed after `--force`.
///
/// - Throws: `InputError` naming what else is in it.
package func requireReplaceableModel(_ folder: String) throws(InputError) {
  var status = stat()
  guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
  let names = try names(inFolder: folder).sorted()
  guard !names.isEmpty else { return }
  func refusal(_ found: String) -> InputError {
    InputError(
      path: folder, expected: "a folder with a model and nothing else, to be replaced", found: found,
      remedy: "Choose another name, or delete the folder yourself.")
  }
  if names.contains("run.yaml") || names.contains("checkpoints") { throw refusal("a run, which would be lost") }
  for name in names where !isPartOfModel(name, isFolder: isFolder("\(folder)/\(name)")) {
    throw refusal("\(name), which belongs to no model")
  }
  guard names.contains(where: { $0 == "config.json" || $0 == "adapter_config.json" }) else {
    throw refusal("no config.json, but \(names[0])")
  }
}

/// Files that models have beside them where they are published, besides weights and settings.
private func isPartOfModel(_ name: String, isFolder: Bool) -> Bool {
  if isFolder { return [".cache", "original"].contains(name) }
  let endings = [".json", ".safetensors", ".jinja", ".txt", ".model", ".md", ".py", ".gitattributes"]
  return endings.contains { name.hasSuffix($0) } || ["LICENSE", "NOTICE"].contains(name)
}

private func isFolder(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
