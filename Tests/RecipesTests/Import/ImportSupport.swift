// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Recipes
import Testing

let importFixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/import")
  .standardized.path

/// A GGUF file imported to a folder that is deleted afterwards, or kept in another one.
final class ImportedFolder {
  let model: GGUFImport
  let path: String
  private let isKept: Bool

  init(_ gguf: String, precision: GGUFImport.Precision = .f32, keeping folder: String? = nil) throws {
    let name = URL(filePath: gguf).deletingPathExtension().lastPathComponent
    isKept = folder != nil
    path = folder.map { $0 + "/" + name } ?? freshImportPath()
    model = try GGUFImport(gguf)
    _ = try model.write(to: path, precision: precision, replacing: isKept)
  }

  deinit { if !isKept { try? FileManager.default.removeItem(atPath: path) } }
}

/// A name that nothing has yet.
func freshImportPath() -> String {
  FileManager.default.temporaryDirectory.appending(path: "import-\(UUID().uuidString)").path
}

/// Calls `body` with a new folder, deleted afterwards.
func withImportFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = freshImportPath()
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// A GGUF file to change: the bytes of a fixture, with values of the metadata found by key.
struct EditableGGUF {
  var bytes: [UInt8]

  init(_ path: String) throws { bytes = Array(try Data(contentsOf: URL(filePath: path))) }

  func write(to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

  /// Where the value of a key begins, after its type.
  func value(of key: String) throws -> Int { try position(of: key) + key.utf8.count + 4 }

  /// Renames a key or tensor to another of the same length.
  mutating func rename(_ old: String, to new: String) throws {
    precondition(old.utf8.count == new.utf8.count)
    let start = try position(of: old)
    bytes.replaceSubrange(start..<start + old.utf8.count, with: new.utf8)
  }

  /// Replaces a text by another of the same length.
  mutating func set(_ key: String, to text: String) throws {
    let start = try value(of: key) + 8
    bytes.replaceSubrange(start..<start + text.utf8.count, with: text.utf8)
  }

  /// Replaces a number.
  mutating func set(_ key: String, to number: some FixedWidthInteger) throws {
    set(number, at: try value(of: key))
  }

  mutating func set(_ number: some FixedWidthInteger, at position: Int) {
    let new = withUnsafeBytes(of: number.littleEndian) { Array($0) }
    bytes.replaceSubrange(position..<position + new.count, with: new)
  }

  /// Adds a value of the metadata; a second one keeps what follows aligned.
  mutating func insert(_ key: String, _ type: UInt32, _ value: [UInt8]) {
    func number(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
    func entry(_ key: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
      number(UInt64(key.utf8.count)) + Array(key.utf8) + number(type) + value
    }
    let new = entry(key, type, value)
    let filler = (64 - (new.count + entry("filler", 8, number(UInt64(0))).count) % 32) % 32
    let start = 24
    let added = new + entry("filler", 8, number(UInt64(filler)) + [UInt8](repeating: 0x2E, count: filler))
    bytes.insert(contentsOf: added, at: start)
    let count = bytes[16..<24].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    set(count + 2, at: 16)
  }

  /// Replaces the first number of a tensor of 32-bit floats.
  mutating func setFirst(of tensor: String, to value: Float) throws {
    let path = freshImportPath()
    try write(to: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    set(value.bitPattern, at: try #require(try GGUFFile(path)[tensor]).range.lowerBound)
  }

  /// Where the name stands, with its length before it.
  private func position(of name: String) throws -> Int {
    let needle = withUnsafeBytes(of: UInt64(name.utf8.count).littleEndian) { Array($0) } + Array(name.utf8)
    let start = (0..<bytes.count - needle.count).first { bytes[$0..<$0 + needle.count].elementsEqual(needle) }
    return try #require(start) + 8
  }
}
