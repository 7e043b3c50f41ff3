// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

@Suite struct GGUFTests {
  @Test func dequantisesAsTheGGUFPackage() throws {
    let gguf = try GGUFFile(fixture("gguf/types.gguf"))
    let expected = try SafetensorsFile(fixture("gguf/types.safetensors"))
    #expect(Set(gguf.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
    #expect(Set(gguf.tensors.map(\.type)) == Set(GGUFType.allCases))
    for tensor in gguf.tensors {
      let reference = try #require(expected[tensor.name])
      #expect(tensor.shape == reference.shape)
      let bits = tensor.floats().map(\.bitPattern)
      let referenceBits = reference.withBytes { bytes in
        (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
      }
      let difference = zip(bits, referenceBits).enumerated().first { $1.0 != $1.1 }
      #expect(difference == nil, "\(tensor.name)")
    }
  }

  @Test func dequantisesRowsInAnyOrder() throws {
    let gguf = try GGUFFile(fixture("gguf/types.gguf"))
    for tensor in gguf.tensors {
      let all = tensor.floats()
      let order = (0..<tensor.rowCount).map { tensor.rowCount - 1 - $0 }
      var reversed = [Float](repeating: 0, count: all.count)
      reversed.withUnsafeMutableBufferPointer {
        tensor.dequantizeRows(tensor.rowCount, row: { order[$0] }, into: $0)
      }
      let expected = order.flatMap { all[$0 * tensor.rowLength..<($0 + 1) * tensor.rowLength] }
      #expect(reversed.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test func metadataOfEveryType() throws {
    let gguf = try GGUFFile(fixture("gguf/metadata.gguf"))
    let metadata = gguf.metadata
    #expect(gguf.version == 3)
    try #expect(metadata.string("general.architecture") == "llama")
    let ints = [
      "u8": 200, "i8": -100, "u16": 60000, "i16": -30000, "u32": 4_000_000_000, "i32": -2_000_000_000,
      "u64": 1 << 62, "i64": -(1 << 62),
    ]
    for (key, value) in ints { try #expect(metadata.int(key) == value) }
    try #expect(metadata.double("f32") == Double(Float(0.1)))
    try #expect(metadata.double("f64") == 0.1)
    try #expect(metadata.double("u8") == 200)
    try #expect(metadata.bool("yes") == true && metadata.bool("no") == false)
    try #expect(metadata.string("text") == "naïve 猫 🐈")
    try #expect(metadata.strings("texts") == ["a", "", "猫"])
    try #expect(metadata.ints("ints") == [1, -2, 3] && metadata.ints("bytes") == [1, 2, 255])
    try #expect(metadata.doubles("floats") == [0.5, -1.25] && metadata.doubles("doubles") == [0.1, 1e300])
    try #expect(metadata.string("absent") == nil && metadata.ints("absent") == nil)
    let error = inputError { _ = try metadata.int("text") }
    #expect(error?.place == "key text")
    #expect(error?.found == "text \"naïve 猫 🐈\"")
    expectInputError("array of 3") { _ = try metadata.strings("ints") }
    expectInputError("number 200") { _ = try metadata.ints("u8") }
    try #expect(#require(gguf["a"]).floats() == [0, 1, 2])
    try #expect(#require(gguf["b"]).floats() == [0, 1, 2, 3, 4])
    try #expect(#require(gguf["b"]).range.lowerBound % 64 == 0)
  }

  @Test func survivesDamage() throws {
    for name in ["types", "metadata"] {
      try expectSurvival(of: try read(fixture("gguf/\(name).gguf")), seeds: 0..<2000) { path in
        let gguf = try GGUFFile(path)
        for key in gguf.metadata.keys {
          _ = try? gguf.metadata.strings(key)
          _ = try? gguf.metadata.ints(key)
          _ = try? gguf.metadata.doubles(key)
        }
        for tensor in gguf.tensors { _ = tensor.floats() }
      }
    }
  }
}

/// Builds GGUF files byte by byte.
struct GGUFBytes {
  var bytes = Array("GGUF".utf8)

  init(version: UInt32 = 3, tensors: UInt64, values: UInt64) {
    add(version)
    add(tensors)
    add(values)
  }

  mutating func add(_ number: some FixedWidthInteger) {
    bytes += withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes += text.utf8
  }
}

extension GGUFBytes {
  /// One tensor of 32 bytes of data.
  static func tensor(
    name: String = "a", sizes: [UInt64] = [8], type: UInt32 = 0, offset: UInt64 = 0, data: Int = 32, alignment: Int = 32
  ) -> [UInt8] {
    var file = GGUFBytes(tensors: 1, values: 0)
    file.add(name)
    file.add(UInt32(sizes.count))
    for size in sizes { file.add(size) }
    file.add(type)
    file.add(offset)
    let padding = (alignment - file.bytes.count % alignment) % alignment
    return file.bytes + [UInt8](repeating: 0, count: padding + data)
  }

  /// One value; `content` are the bytes after its type.
  static func value(key: String = "k", type: UInt32, _ content: [UInt8]) -> [UInt8] {
    var file = GGUFBytes(tensors: 0, values: 1)
    file.add(key)
    file.add(type)
    return file.bytes + content
  }
}

@Suite struct GGUFRefusalTests {
  private static func bytes(_ numbers: any FixedWidthInteger...) -> [UInt8] {
    numbers.flatMap { number in
      func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
      return bytes(number)
    }
  }

  private static let cases: [(name: String, bytes: [UInt8], message: String)] = [
    ("another magic number", Array("GGML".utf8) + bytes(UInt32(3), UInt64(0), UInt64(0)), "the letters GGUF"),
    ("version 1", GGUFBytes(version: 1, tensors: 0, values: 0).bytes, "found version 1"),
    ("version 4", GGUFBytes(version: 4, tensors: 0, values: 0).bytes, "found version 4"),
    ("big-endian", GGUFBytes(version: UInt32(3).byteSwapped, tensors: 0, values: 0).bytes, "a big-endian one"),
    ("tensors without end", GGUFBytes(tensors: .max, values: 0).bytes, "\(UInt64.max) bytes more"),
    ("values without end", GGUFBytes(tensors: 0, values: 1 << 40).bytes, "\(1 << 40) bytes more"),
    ("a long text", GGUFBytes.value(type: 8, bytes(UInt64.max)), "key k"),
    ("a text that is not UTF-8", GGUFBytes.value(type: 8, bytes(UInt64(2)) + [0xC3, 0x28]), "text in UTF-8"),
    ("an unknown type of value", GGUFBytes.value(type: 13, [0]), "a type of value"),
    ("a truth value of 2", GGUFBytes.value(type: 7, [2]), "0 or 1"),
    ("a number beyond Int", GGUFBytes.value(type: 10, bytes(UInt64.max)), "at most \(Int.max)"),
    ("a long array of bytes", GGUFBytes.value(type: 9, bytes(UInt32(0), UInt64.max)), "bytes more"),
    ("a long array of doubles", GGUFBytes.value(type: 9, bytes(UInt32(12), UInt64(1) << 62)), "bytes more"),
    ("a long array of texts", GGUFBytes.value(type: 9, bytes(UInt32(8), UInt64(1) << 50)), "bytes more"),
    ("nested arrays", GGUFBytes.value(type: 9, bytes(UInt32(9), UInt64(1), UInt32(0), UInt64(0))), "array of arrays"),
    ("alignment 0", GGUFBytes.value(key: "general.alignment", type: 4, bytes(UInt32(0))), "a power of two"),
    ("alignment 48", GGUFBytes.value(key: "general.alignment", type: 4, bytes(UInt32(48))), "a power of two"),
    ("no dimension", GGUFBytes.tensor(sizes: []), "1 to 4 dimensions"),
    ("five dimensions", GGUFBytes.tensor(sizes: [1, 1, 1, 1, 1]), "1 to 4 dimensions"),
    ("a size of 0", GGUFBytes.tensor(sizes: [0]), "a size of 1 or more"),
    ("a size beyond Int", GGUFBytes.tensor(sizes: [.max]), "a size of 1 or more"),
    ("a product beyond Int", GGUFBytes.tensor(sizes: [1 << 40, 1 << 40]), "fits a file"),
    ("a format not read", GGUFBytes.tensor(type: 16), "found IQ2_XXS"),
    ("an unknown format", GGUFBytes.tensor(type: 99), "found type 99"),
    ("a row of half a block", GGUFBytes.tensor(sizes: [40], type: 8), "multiple of 32"),
    ("a wrong offset", GGUFBytes.tensor(offset: 32), "expected offset 0"),
    ("data cut off", GGUFBytes.tensor(data: 31), "32 bytes at"),
  ]

  @Test(arguments: cases.indices) func malformed(index: Int) throws {
    let (name, bytes, message) = Self.cases[index]
    try withTemporaryFolder { folder in
      let path = folder + "/a.gguf"
      try Data(bytes).write(to: URL(filePath: path))
      let error = inputError { _ = try GGUFFile(path) }
      #expect(error?.path == path)
      #expect(error?.description.contains(message) == true, "\(name): \(error?.description ?? "")")
    }
  }

  @Test func wellFormed() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.gguf"
      try Data(GGUFBytes.tensor()).write(to: URL(filePath: path))
      try #expect(GGUFFile(path)["a"]?.floats() == [Float](repeating: 0, count: 8))
      var twice = GGUFBytes(version: 2, tensors: 0, values: 2)
      for _ in 0..<2 {
        twice.add("k")
        twice.add(UInt32(7))
        twice.add(UInt8(1))
      }
      try Data(twice.bytes).write(to: URL(filePath: path))
      expectInputError("each key once") { _ = try GGUFFile(path) }
    }
  }
}
