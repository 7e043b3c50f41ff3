// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

@Suite struct ImageReaderTests {
  private func all(_ reader: ImageReader, _ most: Int, channels: Int? = nil) throws -> [ImageBatch] {
    var batches: [ImageBatch] = []
    while let batch = try reader.next(most, channels: channels) { batches.append(batch) }
    return batches
  }

  @Test(arguments: ["stored.npz", "deflated.npz"]) func readsArchives(name: String) throws {
    let batches = try all(ImageReader(imageFixture(name)), 2)
    #expect(batches.map(\.count) == [2, 2, 1])
    #expect(batches.allSatisfy { $0.height == 4 && $0.width == 6 && $0.channels == 3 })
    let wanted = try JSONReader(file: imageFixture("arrays.json")).at("images").elements().map { try $0.int() }
    #expect(batches.flatMap(\.bytes).map(Int.init) == wanted)
    let first = try all(ImageReader(imageFixture(name), limit: 3), 2, channels: 1)
    #expect(first.map(\.count) == [2, 1] && first[0].bytes.count == 48)
    #expect(first[0].images[1] == batches[0].images[1].converted(channels: 1))
  }

  @Test func readsIDX() throws {
    let batches = try all(ImageReader(imageFixture("images-idx3-ubyte.gz")), 2, channels: 3)
    #expect(batches.map(\.count) == [2, 1] && batches[0].bytes.count == 2 * 28 * 28 * 3)
  }

  /// Images of a size stay together and in order; a folder within counts; other files are left alone.
  /// As many images at once as fit in 256 MiB: a small archive may claim images of any size.
  @Test func largeImagesComeAFewAtATime() throws {
    try withFile([UInt8](), name: "large.npy") { path in
      var header = Array("{'descr': '|u1', 'fortran_order': False, 'shape': (6, 8192, 8192, 1), }".utf8)
      header += [UInt8](repeating: 0x20, count: 117 - header.count) + [0x0A]
      let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header
      try Data(bytes).write(to: URL(filePath: path))
      #expect(truncate(path, bytes.count + 6 << 26) == 0)
      let reader = try ImageReader(path)
      #expect(try reader.next(16)?.count == 4)
      #expect(try reader.next(16)?.count == 2)
      #expect(try reader.next(16) == nil)
    }
  }

  @Test func readsFolders() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pictures-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try makeFolders(folder + "/b")
    for (name, source) in [
      ("a1.png", "gray.png"), ("a2.PNG", "gray.png"), ("a3.jpeg", "rgb420.jpg"), ("b/1.png", "one.png"),
      ("c.png", "gray.png"), ("notes.txt", "make.py"), (".hidden.png", "make.py"),
    ] { try FileManager.default.copyItem(atPath: imageFixture(source), toPath: folder + "/" + name) }
    let reader = try ImageReader(folder)
    #expect(reader.count == 5)
    let batches = try all(reader, 10)
    #expect(batches.map(\.count) == [2, 1, 1, 1])
    #expect(batches.map(\.channels) == [1, 3, 3, 1])
    #expect(batches.map(\.width) == [17, 17, 1, 17])
    let gray = try all(ImageReader(folder), 10, channels: 3)
    #expect(gray.map(\.count) == [3, 1, 1])
  }

  @Test func refusesWhatHoldsNoImages() throws {
    expectRefusal("uint8 [N, H, W, 3]", "astype(numpy.uint8)") { _ = try ImageReader(imageFixture("floats.npy")) }
    expectRefusal("a readable file") { _ = try ImageReader("/nowhere/at/all") }
    try withFile("", name: "readme.txt") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      expectRefusal("at least one image", "none") { _ = try ImageReader(folder) }
      try Data("no image".utf8).write(to: URL(filePath: folder + "/x.png"))
      let reader = try ImageReader(folder)
      expectRefusal("x.png", "PNG or JPEG") { _ = try reader.next(1) }
      // More pixels in a row than may be had, in a file of a few bytes.
      try NumPyWriter.write(NumPySource(type: .u8, shape: [0, 100_000, 100_000, 3]) { _ in }, to: folder + "/a.npy")
      expectRefusal("at most") { _ = try ImageReader(folder + "/a.npy") }
    }
  }

  /// `DIST2_KEEP=DIR swift test`, then `make_files.py check DIR`, has NumPy and Pillow read what is written.
  @Test func writesForTheEvaluators() throws {
    let keep = ProcessInfo.processInfo.environment["DIST2_KEEP"]
    let folder = keep ?? FileManager.default.temporaryDirectory.appending(path: "images-\(UUID().uuidString)").path
    defer { if keep == nil { try? FileManager.default.removeItem(atPath: folder) } }
    try makeFolders(folder)
    let source = try ImageReader(imageFixture("stored.npz"))
    try NumPyWriter.writeArchive(
      [
        .images(count: 5, height: 4, width: 6, channels: 3) { try source.next(2)! },
        NumPySource("labels", integers: [4, 3, -2], shape: [3]),
      ], to: folder + "/written.npz")
    try NumPyWriter.write(NumPySource(integers: [4, 3, -2], shape: [3]), to: folder + "/written.npy")
    try AtomicFolder.write(to: folder + "/pictures", replacing: true) { partial in
      let again = try ImageReader(imageFixture("stored.npz")), writer = NumberedImages(partial)
      while let batch = try again.next(2) { try writer.add(batch) }
    }
    let (written, images) = (
      try all(ImageReader(folder + "/written.npz"), 9), try all(ImageReader(folder + "/pictures"), 9)
    )
    let original = try all(ImageReader(imageFixture("stored.npz")), 9)
    #expect(written == original)
    #expect(images == original)
    #expect(FileManager.default.fileExists(atPath: folder + "/pictures/000004.png"))
    let description: JSON = [
      "shape": [5, 4, 6, 3], "labels": [4, 3, -2], "images": .array(original[0].bytes.map { .int(Int($0)) }),
    ]
    try AtomicFile.write(description.text().utf8, to: folder + "/written.json")
  }
}
