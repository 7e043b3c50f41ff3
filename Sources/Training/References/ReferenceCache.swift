// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

/// Log-probabilities of a reference model on the disk: float32 of every learnt token, not sums, so that length, weights
/// and masks stay choices of the objective.
///
/// A folder of `manifest.json`, which says what they were computed from, and parts of some examples each, every one
/// written whole or not at all: what was interrupted goes on where it stopped.
public final class ReferenceCache {
  /// The folder.
  public let folder: String
  /// Examples of the data set.
  public let count: Int
  private let examplesOfPart: Int
  private var parts: [Int: [[[Float]]]] = [:]

  private static let version = 1

  /// Opens the folder, or makes it.
  ///
  /// - Parameters:
  ///   - identity: what the values are computed from, by name: fingerprints of weights, tokenizer, data, encoding.
  ///   - examples: number of examples.
  ///   - examplesOfPart: examples of a file.
  /// - Throws: `InputError` if the folder holds values that were computed from something else: it names the entry.
  public init(_ folder: String, identity: [String: String], examples: Int, examplesOfPart: Int = 256) throws {
    precondition(examples > 0 && examplesOfPart > 0, "\(examples) examples in parts of \(examplesOfPart)")
    (self.folder, count, self.examplesOfPart) = (folder, examples, examplesOfPart)
    var entries = identity
    entries["version"] = "\(Self.version)"
    entries["examples"] = "\(examples)"
    entries["examplesOfPart"] = "\(examplesOfPart)"
    let path = folder + "/manifest.json"
    if fileExists(path) {
      try Self.check(path, entries)
    } else {
      try makeFolders(folder)
      var manifest = JSONObject()
      for (name, value) in entries.sorted(by: { $0.key < $1.key }) { manifest[name] = .string(value) }
      try AtomicFile.write(JSON.object(manifest), to: path)
    }
  }

  private static func check(_ path: String, _ entries: [String: String]) throws {
    let stored = try JSONReader(file: path, limit: 1 << 20)
    for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
      let found = try stored.ifPresent(name)?.string()
      guard found != value else { continue }
      throw InputError(
        path: path, place: name, expected: value, found: found ?? "nothing",
        remedy: "The log-probabilities there were computed from something else: remove the folder, or choose another.")
    }
  }

  /// Examples whose values are not there yet, part by part.
  public var missing: [Range<Int>] {
    stride(from: 0, to: count, by: examplesOfPart).map { $0..<min($0 + examplesOfPart, count) }
      .filter { !fileExists(path(of: $0.lowerBound)) }
  }

  private func path(of example: Int) -> String {
    let number = "\(example / examplesOfPart)"
    return folder + "/part-" + String(repeating: "0", count: max(0, 5 - number.count)) + number + ".safetensors"
  }

  /// Writes the values of a part: by example, document and token.
  ///
  /// - Throws: `InputError` if the file cannot be written.
  public func write(_ values: [[[Float]]], of part: Range<Int>) throws {
    precondition(values.count == part.count && part.lowerBound % examplesOfPart == 0, "values of \(part)")
    let documents = values.flatMap { $0 }
    try SafetensorsWriter.write(
      [
        SafetensorsSource(name: "documents", tensor: Tensor(values.map { Int64($0.count) })),
        SafetensorsSource(name: "lengths", tensor: Tensor(documents.map { Int64($0.count) })),
        SafetensorsSource(name: "values", tensor: Tensor(documents.flatMap { $0 })),
      ], to: path(of: part.lowerBound))
  }

  /// The values of an example: those of each document's learnt tokens.
  ///
  /// - Throws: `InputError` if they are not there or damaged.
  public func values(of example: Int) throws -> [[Float]] {
    let part = example / examplesOfPart
    let own = try parts[part] ?? read(path(of: example))
    parts[part] = own
    guard own.indices.contains(example % examplesOfPart) else {
      throw InputError(
        path: path(of: example), expected: "values of example \(example)", found: "\(own.count) examples")
    }
    return own[example % examplesOfPart]
  }

  private func read(_ path: String) throws -> [[[Float]]] {
    let file = try SafetensorsFile(path)
    func tensor(_ name: String) throws -> Tensor {
      guard let stored = file[name] else {
        throw InputError(path: path, expected: "a tensor \(name)", found: "none", remedy: "Remove the file.")
      }
      return try Tensor(stored, copying: true)
    }
    let documents = try tensor("documents").values(of: Int64.self),
      lengths = try tensor("lengths").values(of: Int64.self)
    var rest = try tensor("values").values(of: Float.self)[...], lengthsLeft = lengths[...]
    guard
      documents.allSatisfy({ $0 >= 0 }), lengths.allSatisfy({ $0 >= 0 }),
      documents.reduce(0, +) == lengths.count, lengths.reduce(0, +) == rest.count
    else {
      throw InputError(
        path: path, expected: "as many values as its lengths say", found: "\(rest.count)", remedy: "Remove the file.")
    }
    return documents.map { count in
      let own = lengthsLeft.prefix(Int(count)).map { length in
        defer { rest = rest.dropFirst(Int(length)) }
        return Array(rest.prefix(Int(length)))
      }
      lengthsLeft = lengthsLeft.dropFirst(Int(count))
      return own
    }
  }
}
