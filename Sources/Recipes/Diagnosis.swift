// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
import Torch

/// One thing dist2 needs or can use, and what was found.
public struct Finding: Codable, Sendable {
  /// Subject.
  public var what: String
  /// Value found.
  public var found: String
  /// Whether it is as it should be.
  public var isGood: Bool
  /// Whether dist2 cannot do without.
  public var isNeeded: Bool
  /// Remedy.
  public var remedy: String
}

/// Looks at libtorch, processor, memory, disk and the default model.
public func diagnose() -> [Finding] {
  let version = Torch.version
  let (hasCUDA, cuda) = { () -> (Bool, String) in
    do {
      try Torch.loadCUDA()
      return (true, "available")
    } catch { return (false, "not available") }
  }()
  let memory = Double(ProcessInfo.processInfo.physicalMemory) / 1_073_741_824
  let free = (try? FileManager.default.attributesOfFileSystem(forPath: ".")[.systemFreeSize] as? Int) ?? 0
  let model = defaultModelFolder
  let hasModel = FileManager.default.fileExists(atPath: model + "/config.json")
  return [
    Finding(
      what: "libtorch", found: "\(version.loaded) in \(Torch.folder)", isGood: version.loaded == version.built,
      isNeeded: true, remedy: version.loaded == version.built ? "" : "run `make native` (built for \(version.built))"),
    Finding(
      what: "processor",
      found: "\(ProcessInfo.processInfo.activeProcessorCount) cores, ATen uses \(Torch.cpuCapability)", isGood: true,
      isNeeded: true, remedy: ""),
    Finding(
      what: "memory", found: String(format: "%.1f GiB", memory), isGood: memory >= 6, isNeeded: false,
      remedy: memory >= 6 ? "" : "training SmolLM2-135M needs about 3 GiB a run; use --jobs 1"),
    Finding(
      what: "disk here", found: String(format: "%.1f GiB free", Double(free) / 1_073_741_824),
      isGood: free > 2 << 30, isNeeded: false, remedy: free > 2 << 30 ? "" : "free some space before training"),
    Finding(what: "CUDA", found: cuda, isGood: true, isNeeded: false, remedy: hasCUDA ? "" : "the CPU is used"),
    Finding(
      what: "default model", found: hasModel ? model : "absent", isGood: hasModel, isNeeded: false,
      remedy: hasModel ? "" : "`make model` fetches it; or pass --model"),
  ]
}

/// Where the default model is kept: `$DIST2_CACHE`, else `$XDG_CACHE_HOME/dist2`, else `~/.cache/dist2`.
public var defaultModelFolder: String { cacheFolder + "/SmolLM2-135M-Instruct" }

/// Where dist2 keeps what it fetched.
public var cacheFolder: String {
  let environment = ProcessInfo.processInfo.environment
  func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
  return value("DIST2_CACHE") ?? (value("XDG_CACHE_HOME") ?? NSHomeDirectory() + "/.cache") + "/dist2"
}

/// The folder of a model: a path, a name in dist2's cache, or a name of the Hugging Face hub that was downloaded; nil
/// means the default model.
///
/// - Throws: `InputError` if there is no such folder.
public func modelFolder(_ name: String?) throws -> String {
  let candidates = name.map { [$0, cacheFolder + "/" + $0] } ?? [defaultModelFolder]
  let isModel = { (folder: String) in fileExists(folder + "/config.json") && StoredAdapter(folder) == nil }
  if let folder = candidates.first(where: isModel) { return folder }
  if let why = candidates.lazy.compactMap(whyNoModel).first {
    throw InputError(
      path: candidates[0], expected: "a folder with config.json, tokenizer.json and *.safetensors", found: why.found,
      remedy: why.remedy)
  }
  if let name, let hub = HubModel(name) {
    if let folder = hub.snapshot() { return folder }
    if !fileExists(name), name.contains("/") { throw hub.missing() }
  }
  throw InputError(
    path: candidates[0], expected: "a folder with config.json, tokenizer.json and *.safetensors",
    found: FileManager.default.fileExists(atPath: candidates[0]) ? "no config.json in it" : "nothing",
    remedy: candidates.contains(defaultModelFolder)
      ? "Run `make model` once: it fetches the default model."
      : "Give a Hugging Face folder, a name in \(cacheFolder), or a name of the hub such as ORG/NAME.")
}

/// Start of every dist2 process.
///
/// - Throws: `InputError` if the system has too few descriptors for it, or no thread.
public func prepareProcess() throws(InputError) {
  secureStandardDescriptors()
  MappedFile.explainCuts()
  Torch.keepMemory()
  Torch.limitSpinning()
  // A reader that went away, or a file at its size limit, is an error to report, not a death.
  signal(SIGPIPE, SIG_IGN)
  signal(SIGXFSZ, SIG_IGN)
  try WorkerProcess.endWithParent()
  try requireDescriptors()
}

extension CommandLine {
  /// The path of this program, for starting it again.
  public static var programPath: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? arguments[0]
  }

  /// The command as typed, with the program's name instead of its path, so that a shell reads it as it was.
  public static var asTyped: String { (["dist2"] + arguments.dropFirst().map(quoted)).joined(separator: " ") }

  /// A word as a shell wants it; see ``quoted(_:)``.
  public static func shellWord(_ word: String) -> String { quoted(word) }

  /// A word as a shell wants it: in quotes if it holds more than letters, digits and what means nothing to a shell.
  package static func quoted(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || "0123456789/._-+=:,@%".unicodeScalars.contains($0)
    }
    return isPlain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
  }
}
