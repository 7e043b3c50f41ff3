// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

/// Files were written by NumPy: `Tests/Fixtures/images/make_files.py`.
@Suite struct NumPyTests {
  private struct Expected: Decodable {
    let codes, images, idx: [Int], floats: [Double]
  }
  private static let expected = try! JSONDecoder().decode(
    Expected.self, from: Data(contentsOf: URL(filePath: fixture("images/arrays.json"))))

  @Test(arguments: [("codes64.npy", NumPyType.i64), ("codes32.npy", .i32), ("version2.npy", .i64)])
  func readsCodes(name: String, type: NumPyType) throws {
    let array = try NumPyReader(fixture("images/" + name))
    #expect(array.shape == [1, 3, 256])
    #expect(array.type == type)
    #expect(array.count == 768)
    let parts = try array.integers(256) + array.integers(512)
    #expect(parts == Self.expected.codes)
    #expect(array.remaining == 0)
    expectInputError("6144 bytes", "160") { _ = try NumPyReader(fixture("images/floats.npy")).bytes(768) }
  }

  @Test func readsFloats() throws {
    let array = try NumPyReader(fixture("images/floats.npy"))
    let values = try array.doubles(20)
    #expect(values == Self.expected.floats)
    expectInputError("whole numbers") { _ = try NumPyReader(fixture("images/floats.npy")).integers(1) }
  }

  @Test(arguments: ["stored.npz", "deflated.npz"]) func readsArchives(name: String) throws {
    let archive = try NumPyArchive(fixture("images/" + name))
    let array = try archive.array("arr_0")
    #expect(array.shape == [5, 4, 6, 3])
    #expect(array.type == .u8)
    // In uneven pieces, as a sampler of batches reads it.
    let values = try array.integers(1) + array.integers(300) + array.integers(59)
    #expect(values == Self.expected.images)
    if name == "stored.npz" {
      let labels = try archive.array("labels").integers(5)
      #expect(labels == [0, 1, 2, 3, 4])
      #expect(Set(archive.names) == ["arr_0", "labels"])
    } else {
      let mu = try archive.array("mu").doubles(7)
      #expect(mu[3] == 0.5)
    }
    expectInputError("an array codes", "arr_0") { _ = try archive.array("codes") }
  }

  /// NumPy's own reading of such files is checked with images, in TokenData's tests.
  @Test func writesWhatItReads() throws {
    try withTemporaryFolder { folder in
      let images = Self.expected.images.map(UInt8.init)
      try NumPyWriter.writeArchive(
        [
          NumPySource(type: .u8, shape: [5, 4, 6, 3]) { sink in
            try images[..<200].withUnsafeBytes(sink)
            try images[200...].withUnsafeBytes(sink)
          }, NumPySource("labels", integers: [4, 3, -2], shape: [3]),
        ], to: folder + "/written.npz")
      try NumPyWriter.write(NumPySource(integers: [4, 3, -2], shape: [3]), to: folder + "/written.npy")
      let archive = try NumPyArchive(folder + "/written.npz")
      let back = try archive.array("arr_0").integers(360)
      let labels = try archive.array("labels").integers(3) + NumPyReader(folder + "/written.npy").integers(3)
      #expect(back == Self.expected.images)
      #expect(labels == [4, 3, -2, 4, 3, -2])
      // The header ends at a multiple of 64 bytes, so that elements can be used where they are mapped.
      try #expect(read(folder + "/written.npy").count == 128 + 24)
    }
  }

  @Test func arraysBeyondFourGiBHaveWideSizes() throws {
    // The directory's 64-bit form is always written; here the reader is shown numbers that need it.
    try withTemporaryFolder { folder in
      let path = folder + "/a.npz"
      try NumPyWriter.writeArchive([NumPySource(integers: [1], shape: [1])], to: path)
      var bytes = try read(path)
      // The file's size in the directory's extra field, 24 bytes before the archive's own 98 closing bytes.
      let place = bytes.count - 98 - 24
      bytes[place + 4] = 1
      try Data(bytes).write(to: URL(filePath: path))
      expectInputError("a whole zip archive") { _ = try NumPyArchive(path) }
    }
  }

  @Test func refusesWhatItCannotRead() {
    expectInputError("C order", "ascontiguousarray") { _ = try NumPyReader(fixture("images/fortran.npy")) }
    expectInputError(">i4", "astype") { _ = try NumPyReader(fixture("images/big.npy")) }
    expectInputError("plain element type") { _ = try NumPyReader(fixture("images/records.npy")) }
    expectInputError("NumPy's format") { _ = try NumPyReader(fixture("images/gray.png")) }
    expectInputError("zip archive") { _ = try NumPyArchive(fixture("images/codes64.npy")) }
  }

  @Test(arguments: ["stored.npz", "deflated.npz", "codes32.npy"]) func survivesDamage(name: String) throws {
    try expectSurvival(of: read(fixture("images/" + name)), seeds: 0..<1500) { path in
      guard name.hasSuffix("npz") else {
        let array = try NumPyReader(path)
        _ = try array.bytes(array.count)
        return
      }
      let archive = try NumPyArchive(path)
      for name in archive.names {
        let array = try archive.array(name)
        _ = try array.bytes(array.count)
      }
    }
  }

  @Test func changedContentIsNoticed() throws {
    let stored = try read(fixture("images/stored.npz"))
    try withTemporaryFolder { folder in
      var bytes = stored
      bytes[600] ^= 1
      try Data(bytes).write(to: URL(filePath: folder + "/a.npz"))
      expectInputError("check sum") { _ = try NumPyArchive(folder + "/a.npz").array("arr_0").bytes(360) }
    }
  }
}

@Suite struct IDXTests {
  @Test(arguments: ["images-idx3-ubyte", "images-idx3-ubyte.gz"]) func readsPlainAndGzipped(name: String) throws {
    let file = try IDXFile(fixture("images/" + name))
    let expected = try JSONReader(file: fixture("images/arrays.json")).at("idx").elements().map { try $0.int() }
    #expect(file.shape == [3, 28, 28])
    #expect(file.bytes.map(Int.init) == expected)
  }

  @Test func refusesWhatItCannotRead() throws {
    expectInputError("two zero bytes") { _ = try IDXFile(fixture("images/gray.png")) }
    expectInputError("at most 100 bytes") { _ = try IDXFile(fixture("images/images-idx3-ubyte"), limit: 100) }
    try expectSurvival(of: read(fixture("images/images-idx3-ubyte")), seeds: 0..<500) { _ = try IDXFile($0) }
    try withTemporaryFolder { folder in
      let path = folder + "/huge"
      // 65,535 x 65,535 x 65,535 x 65,535 elements that are not there.
      try Data([0, 0, 8, 4] + [UInt8](repeating: 255, count: 16)).write(to: URL(filePath: path))
      expectInputError("as many bytes") { _ = try IDXFile(path) }
      try Data([0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0]).write(to: URL(filePath: path))
      expectInputError("one byte") { _ = try IDXFile(path) }
    }
  }
}
