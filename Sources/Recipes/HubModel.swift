// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Name of a model on the Hugging Face hub, `ORG/NAME` or `NAME`, with a branch, tag or commit behind an `@`; found in the
/// hub's cache on this machine, where `hf download` and transformers put it. Nothing is downloaded here.
struct HubModel {
  let name: String
  let revision: String

  /// Nil for what can be no such name.
  init?(_ text: String) {
    let pattern = #/([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?)(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?/#
    guard let match = text.wholeMatch(of: pattern), !text.contains("..") else { return nil }
    (name, revision) = (String(match.1), match.2.map(String.init) ?? "main")
  }

  /// The hub's cache: `$HF_HUB_CACHE`, else `hub` in `$HF_HOME`, else in `huggingface` of `$XDG_CACHE_HOME` or `~/.cache`.
  static func cache(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : ($0 as NSString).expandingTildeInPath }
    }
    if let cache = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") { return cache }
    let home = value("HF_HOME") ?? (value("XDG_CACHE_HOME") ?? NSHomeDirectory() + "/.cache") + "/huggingface"
    return home + "/hub"
  }

  /// The folder of its files; nil if it is not there, or not whole.
  ///
  /// Branches and tags are files below `refs` that hold a commit, whose files are in `snapshots/COMMIT`.
  func snapshot(in cache: String = HubModel.cache()) -> String? {
    let folder = self.folder(in: cache)
    var commits = [revision]
    if let bytes = try? fileBytes("\(folder)/refs/\(revision)", limit: 1 << 10) {
      let commit = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      if !commit.isEmpty, !commit.contains("/"), !commit.hasPrefix(".") { commits.insert(commit, at: 0) }
    }
    return commits.map { "\(folder)/snapshots/\($0)" }.first { fileExists($0 + "/config.json") }
  }

  private func folder(in cache: String) -> String { "\(cache)/models--\(name.replacing("/", with: "--"))" }

  /// That it has to be downloaded first.
  func missing(from cache: String = HubModel.cache()) -> InputError {
    let folder = folder(in: cache), revision = revision == "main" ? "" : " --revision \(revision)"
    return InputError(
      path: name, expected: "a folder, or a model of the Hugging Face hub that is on this machine",
      found: fileExists(folder) ? "a part of it in \(folder)" : "neither; the hub's cache is \(cache)",
      remedy: "Download it: hf download \(name)\(revision) (pip install huggingface_hub).")
  }
}
