// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  private static let types = fixture("safetensors/types.safetensors")

  /// torch's names for the types.
  private static let torchNames: [SafetensorsType: String] = [
    .f64: "float64", .f32: "float32", .f16: "float16", .bf16: "bfloat16", .i64: "int64", .i32: "int32", .i16: "int16",
    .i8: "int8", .u8: "uint8", .bool: "bool", .f8e4m3: "float8_e4m3fn", .f8e5m2: "float8_e5m2",
  ]

  @Test func readsWhatTheReferenceWrote() throws {
    let file = try SafetensorsFile(Self.types)
    let expected = try JSONReader(file: fixture("safetensors/types.json"))
    #expect(file.metadata == ["format": "pt", "note": "every type"])
    #expect(file.tensors.count == (try expected.object().count))
    for (name, value) in try expected.object().members {
      let entry = expected.child(name, value)
      let tensor = try #require(file[name])
      try #expect("torch.\(Self.torchNames[tensor.type]!)" == entry.string(at: "dtype"))
      let shape = try entry.at("shape").elements().map { try $0.int() }
      let bytes = try entry.at("bytes").elements().map { UInt8(try $0.int()) }
      #expect(tensor.shape == shape)
      #expect(tensor.withBytes(Array.init) == bytes)
    }
    #expect(file["absent"] == nil)
  }

  @Test func bytesOutliveFileAndReader() throws {
    let tensor = try withTemporaryFolder { folder in
      try FileManager.default.copyItem(atPath: Self.types, toPath: folder + "/a.safetensors")
      return try #require(try SafetensorsFile(folder + "/a.safetensors")["i8"])
    }
    try #expect(tensor.withBytes(Array.init) == SafetensorsFile(Self.types)["i8"]?.withBytes(Array.init))
  }

  @Test func writesWhatItReads() throws {
    try withTemporaryFolder { folder in
      // `DIST2_KEEP=DIR swift test`, then `make.py check DIR`, has the reference implementation read these too.
      let folder = ProcessInfo.processInfo.environment["DIST2_KEEP"] ?? folder
      let file = try SafetensorsFile(Self.types)
      let whole = folder + "/whole.safetensors"
      try SafetensorsWriter.write(file.tensors.map { SafetensorsSource($0) }, to: whole, metadata: ["format": "pt"])
      let copy = try SafetensorsFile(whole)
      #expect(copy.metadata == ["format": "pt"])
      #expect(copy.tensors[0].range.lowerBound % 64 == 0)
      try expectEqual(file.tensors) { copy[$0] }
      for tensor in copy.tensors {
        #expect(tensor.range.lowerBound % tensor.type.byteCount == 0, "\(tensor.name) is not aligned")
      }
      let sharded = folder + "/sharded"
      try makeFolders(sharded)
      try SafetensorsWriter.write(
        file.tensors.map { SafetensorsSource($0) }, toFolder: sharded, maxShardBytes: 130)
      let names = try listing(sharded)
      #expect(names.count == 7)
      #expect(names.first == "model-00001-of-00006.safetensors")
      let shards = try SafetensorsFolder(sharded)
      #expect(shards.files.count == 6)
      #expect(shards.tensors.count == file.tensors.count)
      try expectEqual(file.tensors) { shards[$0] }
    }
  }

  @Test func oneShardNeedsNoIndex() throws {
    try withTemporaryFolder { folder in
      let tensors = try SafetensorsFile(Self.types).tensors
      try SafetensorsWriter.write(tensors.map { SafetensorsSource($0) }, toFolder: folder, maxShardBytes: 1 << 30)
      try #expect(listing(folder) == ["model.safetensors"])
      try expectEqual(tensors, to: try SafetensorsFolder(folder))
    }
  }

  @Test func failingSourceLeavesNothing() throws {
    struct Failure: Error {}
    try withTemporaryFolder { folder in
      let source = SafetensorsSource(name: "a", type: .f32, shape: [2]) { sink in
        try [UInt8](repeating: 0, count: 4).withUnsafeBytes { try sink($0) }
        throw Failure()
      }
      let error = thrown { try SafetensorsWriter.write([source], to: folder + "/a.safetensors") }
      #expect(error is Failure)
      try #expect(listing(folder).isEmpty)
      // Larger than any disk: known before a byte is asked for.
      let huge = SafetensorsSource(name: "a", type: .f64, shape: [1 << 50]) { _ in Issue.record("asked for") }
      expectInputError("space") { try SafetensorsWriter.write([huge], to: folder + "/a") }
      try #expect(listing(folder).isEmpty)
    }
  }

  private func expectEqual(_ tensors: [SafetensorsTensor], _ copy: (String) -> SafetensorsTensor?) throws {
    for tensor in tensors {
      let copy = try #require(copy(tensor.name))
      #expect(copy.type == tensor.type)
      #expect(copy.shape == tensor.shape)
      #expect(copy.withBytes(Array.init) == tensor.withBytes(Array.init))
    }
  }

  private func expectEqual(_ tensors: [SafetensorsTensor], to folder: SafetensorsFolder) throws {
    try expectEqual(tensors) { folder[$0] }
  }
}

@Suite struct SafetensorsRefusalTests {
  /// A header, the bytes that follow it, and what the error says was found.
  private static let headers: [(header: String, data: Int, place: String, expected: String)] = [
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, "line 1", "\",\""),
    (#"[1]"#, 0, "byte 8", "begins with {"),
    (#"{"a":3}"#, 0, "key a", "an object"),
    (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "key a.dtype", "a value"),
    (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, 8, "key a.dtype", "one of BOOL"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "key a.shape[0]", "0 or more"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "key a.shape[0]", "whole number"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "key a.data_offsets", "two offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "key a.data_offsets", "offsets in order"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "key a.data_offsets", "offsets in order"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "key a.data_offsets", "4 bytes after the header"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "key a.data_offsets", "F32 [2] takes"),
    (
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0, "key a.data_offsets",
      "as many bytes"
    ),
    (
      #"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[2],"data_offsets":[3,5]}}"#, 5,
      "tensor b", "bytes from"
    ),
    (
      #"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}}"#, 3,
      "tensor b", "bytes from"
    ),
    (#"{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}"#, 3, "byte", "the end of the file"),
    (#"{"__metadata__":{"n":1}}"#, 0, "key __metadata__.n", "a string"),
    (#"{"__metadata__":[]}"#, 0, "key __metadata__", "an object"),
    (
      #"{"a":{"dtype":"I8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[],"data_offsets":[1,2]}}"#, 2,
      "line 1", "each key once"
    ),
    (
      "{\"\u{E9}\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]},"
        + "\"e\u{301}\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "tensor \u{E9}", "each name once"
    ),
  ]

  @Test(arguments: headers.indices) func malformedHeader(index: Int) throws {
    let (header, data, place, expected) = Self.headers[index]
    try withTemporaryFolder { folder in
      let path = folder + "/a.safetensors"
      try write(header: Array(header.utf8), data: data, to: path)
      let error = inputError { _ = try SafetensorsFile(path) }
      #expect(error?.path == path)
      #expect(error?.place.hasPrefix(place) == true, "\(error?.description ?? "")")
      #expect(error?.expected.contains(expected) == true, "\(error?.description ?? "")")
    }
  }

  @Test func lengthOfTheHeader() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.safetensors"
      for length in [UInt64.max, 1 << 63, 100_000_001, 17] {
        let bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) } + [UInt8](repeating: 0x20, count: 16)
        try Data(bytes).write(to: URL(filePath: path))
        expectInputError("\(length)") { _ = try SafetensorsFile(path) }
      }
      try Data([1, 2, 3]).write(to: URL(filePath: path))
      expectInputError("3 bytes") { _ = try SafetensorsFile(path) }
      try write(header: [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x7D], data: 0, to: path)
      expectInputError("line 1") { _ = try SafetensorsFile(path) }
    }
  }

  @Test func survivesDamage() throws {
    try expectSurvival(of: try read(fixture("safetensors/types.safetensors")), seeds: 0..<3000) { path in
      for tensor in try SafetensorsFile(path).tensors { _ = tensor.withBytes { $0.reduce(0, &+) } }
    }
  }

  @Test func foldersThatDoNotFit() throws {
    try withTemporaryFolder { folder in
      let tensors = try SafetensorsFile(fixture("safetensors/types.safetensors")).tensors
      expectInputError("no such file or directory") { _ = try SafetensorsFolder(folder + "/absent") }
      expectInputError("an empty folder") { _ = try SafetensorsFolder(folder) }
      for (name, remedy) in [("pytorch_model.bin", "no pickle"), ("model.gguf", "dist2 import")] {
        try AtomicFile.write([], to: folder + "/" + name)
        expectInputError(remedy) { _ = try SafetensorsFolder(folder) }
      }
      for (index, half) in [tensors[..<4], tensors[4...]].enumerated() {
        try SafetensorsWriter.write(half.map { SafetensorsSource($0) }, to: folder + "/\(index).safetensors")
      }
      func error(_ map: [(String, JSON)]) throws -> InputError? {
        var object = JSONObject()
        for (name, file) in map { object[name] = file }
        let index: JSON = ["weight_map": .object(object)]
        try AtomicFile.write(index.text().utf8, to: folder + "/model.safetensors.index.json")
        return inputError { _ = try SafetensorsFolder(folder) }
      }
      let right = tensors.enumerated().map { ($1.name, JSON.string($0 < 4 ? "0.safetensors" : "1.safetensors")) }
      var wrong = right
      wrong[2].1 = "1.safetensors"
      try #expect(error(wrong)?.place == "key weight_map.\(tensors[2].name)")
      try #expect(error(Array(right.dropLast()))?.place == "tensor \(tensors.last!.name)")
      for name in ["../0.safetensors", "/etc/x.safetensors", "pytorch_model.bin", "a\0.safetensors"] {
        try #expect(error([("a", .string(name))])?.expected.contains("in the same folder") == true)
      }
      try #expect(error([("a", "2.safetensors")])?.path == folder + "/2.safetensors")
      try #expect(error([("a", 3)])?.expected == "a string")
    }
  }

  private func write(header: [UInt8], data: Int, to path: String) throws {
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try Data(length + header + [UInt8](repeating: 0, count: data)).write(to: URL(filePath: path))
  }
}
