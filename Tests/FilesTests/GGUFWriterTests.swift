// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

@Suite struct GGUFWriterTests {
  /// The gguf package's bytes of the same floats, block for block.
  @Test(arguments: [GGUFType.f32, .f16, .bf16, .q8_0, .q5_0, .q5_1])
  func quantisesAsTheGGUFPackage(_ type: GGUFType) throws {
    let file = try GGUFFile(fixture("gguf/types.gguf"))
    let values = try #require(file["F32.quantized"]).floats()
    let expected = try #require(file["\(type.name).quantized"])
    let found = values.withUnsafeBufferPointer { type.quantized($0) }
    #expect(found == Array(file.file.unsafeBytes[expected.range]))
  }

  /// No reference writes these in Python. The bound: rounding to the nearest of `levels` steps over a part's range (0
  /// included) is off by half a step; scale and minimum of a part have 6 bits (Q6_K: a scale of 8) against the block's
  /// largest, and a fit for the least squared error may trade a large error for small ones: one step more.
  @Test(arguments: [(GGUFType.q4_K, 32, Float(15)), (.q5_K, 32, 31), (.q6_K, 16, 63)])
  func kFormatsAreNear(_ type: GGUFType, _ partLength: Int, _ steps: Float) throws {
    let values = normal(8 * 256, seed: 3)
    let restored = try writtenAndRead(values, shape: [8, 256], type)
    var squares: Float = 0, total: Float = 0
    for part in stride(from: 0, to: values.count, by: partLength) {
      let block = part / 256 * 256..<(part / 256 + 1) * 256
      let x = values[part..<part + partLength]
      let largest = values[block].map(abs).max()!
      let range = max(x.max()!, 0) - min(x.min()!, 0)
      for (a, b) in zip(x, restored[part..<part + partLength]) {
        #expect(abs(a - b) <= 1.5 * range / steps * (type == .q6_K ? 2 : 1) + 2 * largest / 63 / 2)
        squares += (a - b) * (a - b)
        total += a * a
      }
    }
    // Of normal deviates: a step is about range/steps, its rounding error a √12th of that.
    let relative = (squares / total).squareRoot()
    #expect(relative < [.q4_K: 0.08, .q5_K: 0.04, .q6_K: 0.025][type]!)
    #expect(relative > [.q4_K: 0.02, .q5_K: 0.01, .q6_K: 0.005][type]!)
  }

  @Test(arguments: GGUFType.allCases.filter(\.isWritable)) func zerosAndConstants(_ type: GGUFType) throws {
    let count = 2 * 256
    #expect(try writtenAndRead([Float](repeating: 0, count: count), shape: [2, 256], type).allSatisfy { $0 == 0 })
    for value in [Float(1), -0.5] {
      let restored = try writtenAndRead([Float](repeating: value, count: count), shape: [2, 256], type)
      #expect(restored.allSatisfy { abs($0 - value) < 0.01 * abs(value) }, "\(type.name)")
    }
  }

  @Test func metadataAndSeveralTensors() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.gguf"
      let metadata: [(key: String, value: GGUFEntry)] = [
        ("general.architecture", .string("llama")), ("count", .count(7)), ("number", .float32(0.1)),
        ("yes", .bool(true)),
        ("texts", .strings(["a", "", "猫"])), ("ints", .int32s([1, -2])), ("floats", .float32s([0.5, -1.25])),
        ("bools", .bools([true, false, true])),
      ]
      let values: [[Float]] = [[1, 2, 3], (0..<6).map(Float.init), [7]]
      let sources = zip(["vector", "matrix", "one"], zip([[3], [2, 3], [1]], values)).map { name, tensor in
        GGUFSource(name: name, type: name == "matrix" ? .f16 : .f32, shape: tensor.0) { sink in
          // In pieces.
          for start in stride(from: 0, to: tensor.1.count, by: 3) {
            try Array(tensor.1[start..<min(tensor.1.count, start + 3)]).withUnsafeBufferPointer { try sink($0) }
          }
        }
      }
      var counts: [Int] = []
      try GGUFWriter.write(metadata, sources, to: path) { counts.append($0) }
      let file = try GGUFFile(path)
      #expect(file.version == 3 && counts == [3, 6, 9, 10])
      try #expect(file.metadata.string("general.architecture") == "llama" && file.metadata.int("count") == 7)
      try #expect(file.metadata.double("number") == Double(Float(0.1)) && file.metadata.bool("yes") == true)
      try #expect(file.metadata.strings("texts") == ["a", "", "猫"] && file.metadata.ints("ints") == [1, -2])
      try #expect(file.metadata.doubles("floats") == [0.5, -1.25])
      try #expect(file.metadata.bools("bools") == [true, false, true])
      #expect(inputError { _ = try file.metadata.bools("ints") }?.expected == "a list of true and false")
      #expect(file.tensors.map(\.shape) == [[3], [2, 3], [1]])
      #expect(file.tensors.map { $0.floats() } == values)
      #expect(file.tensors.allSatisfy { $0.range.lowerBound % 32 == 0 })
    }
  }

  @Test func nothingIsLeftWhereASourceThrows() throws {
    struct Failure: Error {}
    try withTemporaryFolder { folder in
      let source = GGUFSource(name: "a", type: .f32, shape: [1]) { _ in throw Failure() }
      #expect(throws: Failure.self) { try GGUFWriter.write([], [source], to: folder + "/a.gguf") }
      try #expect(FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  private func writtenAndRead(_ values: [Float], shape: [Int], _ type: GGUFType) throws -> [Float] {
    try withTemporaryFolder { folder in
      let source = GGUFSource(name: "x", type: type, shape: shape) { sink in
        try values.withUnsafeBufferPointer { try sink($0) }
      }
      try GGUFWriter.write([], [source], to: folder + "/x.gguf")
      return try #require(GGUFFile(folder + "/x.gguf")["x"]).floats()
    }
  }

  /// Deviates of a normal distribution whose width changes from row to row.
  private func normal(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Double(state >> 11) + 0.5) / Double(1 << 53)
    }
    return (0..<count).map { index in
      let deviate = (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
      return Float(deviate * pow(10, Double(index / 256 % 5 - 2)))
    }
  }
}
