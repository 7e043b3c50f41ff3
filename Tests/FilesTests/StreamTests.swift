// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

/// A pipe that holds `text` and has no writer any more.
private func piped(_ bytes: [UInt8], name: String = "<pipe>") throws -> ByteStream {
  var ends: [Int32] = [0, 0]
  #expect(pipe(&ends) == 0)
  let writer = ends[1]
  // A pipe holds 64 KiB.
  Thread.detachNewThread {
    _ = bytes.withUnsafeBytes { tryWriteAll($0, to: writer) }
    close(writer)
  }
  return ByteStream(descriptor: ends[0], name: name)
}

@Suite struct LineReaderTests {
  private func lines(_ text: String, _ limit: Int = 100, longest: Int = 64 << 20, substitute: String? = nil) throws
    -> [String]
  {
    try lines(Array(text.utf8), limit, longest: longest, substitute: substitute)
  }

  private func lines(_ bytes: [UInt8], _ limit: Int = 100, longest: Int = 64 << 20, substitute: String? = nil) throws
    -> [String]
  {
    let reader = LineReader(try piped(bytes), longest: longest, substitute: substitute)
    var lines: [String] = []
    while let next = try reader.next(limit) {
      #expect(!next.isEmpty)
      #expect(next.count <= limit)
      lines += next
    }
    return lines
  }

  @Test func lineEnds() throws {
    try #expect(lines("") == [])
    try #expect(lines("a\n\nb\r\nc", 2) == ["a", "", "b\r", "c"])
    try #expect(lines("\n") == [""])
    let many = (0..<20_000).map { "line \($0)" }
    try #expect(lines(many.joined(separator: "\n"), 64) == many)
  }

  @Test func longLines() throws {
    let long = String(repeating: "x", count: 200_000)
    try #expect(lines("a\n\(long)\nb") == ["a", long, "b"])
    expectInputError("<pipe>: line 2: expected lines of at most 0 MiB") {
      _ = try lines("a\n\(long)\nb", longest: 1000)
    }
    try #expect(lines("a\n\(long)\nb\n\(long)\n\(long)", longest: 1000, substitute: "S") == ["a", "S", "b", "S", "S"])
  }

  @Test func otherBytesThanText() throws {
    let bytes = Array("a\n".utf8) + [0x62, 0xFF, 0x0A, 0x63]
    expectInputError("line 2", "text in UTF-8") { _ = try LineReader(piped(bytes)).next(10) }
    try #expect(lines(bytes, substitute: "S") == ["a", "S", "c"])
  }

  /// Time grows with the length: before, a line of 32 MiB took minutes.
  @Test func aLongLineTakesNoLonger() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/long"
      #expect(truncate(path, 0) != 0)
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
      #expect(truncate(path, 32 << 20) == 0)
      let start = ContinuousClock.now
      let lines = try LineReader(ByteStream(reading: path)).next(1)
      #expect(lines?.first?.utf8.count == 32 << 20)
      #expect(ContinuousClock.now - start < .seconds(10))
    }
  }

  @Test(.enabled(if: access("/dev/zero", R_OK) == 0, "needs /dev/zero"))
  func whatNeverEndsIsRefused() throws {
    expectInputError("/dev/zero: line 1: expected lines of at most 64 MiB") {
      _ = try LineReader(ByteStream(reading: "/dev/zero")).next(1)
    }
  }
}

@Suite struct ByteStreamTests {
  @Test func whatCannotBeRead() throws {
    try withTemporaryFolder { folder in
      expectInputError(folder, "a file", "a folder") { _ = try ByteStream(reading: folder) }
      expectInputError("no such file") { _ = try ByteStream(reading: folder + "/absent") }
      let descriptor = open(folder, O_RDONLY)
      defer { close(descriptor) }
      expectInputError("<stdin>", "a file", "a folder") {
        _ = try LineReader(ByteStream(descriptor: descriptor, name: "<stdin>")).next(1)
      }
      expectInputError("bad file descriptor") {
        _ = try LineReader(ByteStream(descriptor: 999, name: "<stdin>")).next(1)
      }
    }
  }

  @Test func aNamedPipeNeedsAWriter() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/pipe"
      #expect(mkfifo(path, 0o600) == 0)
      expectInputError("a pipe that a program writes into", "nobody") {
        _ = try ByteStream(reading: path, patience: 0.1)
      }
      Thread.detachNewThread {
        usleep(100_000)
        let writer = open(path, O_WRONLY)
        usleep(100_000)  // the reader waits for bytes, too
        _ = write(writer, "a\nb", 3)
        close(writer)
      }
      let reader = LineReader(try ByteStream(reading: path))
      var lines: [String] = []
      while let next = try reader.next(10) { lines += next }
      #expect(lines == ["a", "b"])
    }
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full"))
  func whatCannotBeWritten() {
    let full = open("/dev/full", O_WRONLY), closed = ByteStream(descriptor: 999, name: "<stdout>")
    defer { close(full) }
    expectInputError("<stdout>", "room for 2 bytes", "no space left") {
      try ByteStream(descriptor: full, name: "<stdout>").write("ab")
    }
    #expect(closed.tryWrite("ab") == EBADF)
  }

  /// A file opened later must not get the number of a stream that was closed.
  @Test func closedStreamsAreTakenUp() async throws {
    await #expect(processExitsWith: .exitCode(7)) {
      for number: Int32 in 0...2 { close(number) }
      secureStandardDescriptors()
      let opened = open("/dev/null", O_RDWR), isFailing = write(1, "x", 1) < 0 && write(2, "x", 1) < 0
      var byte: UInt8 = 0
      exit(opened > 2 && isFailing && read(0, &byte, 1) < 0 ? 7 : 1)
    }
  }

  /// The whole process ends, in words, as it touches what is gone.
  @Test func aMappedFileThatIsCutIsNamed() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID().uuidString)").path
    try Data(count: 1 << 20).write(to: URL(filePath: path))
    defer { unlink(path) }
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      [path = path as String] in
      MappedFile.explainCuts()
      let other = try MappedFile(path), file = try MappedFile(path)
      truncate(path, 4096)
      print(file.withBytes { $0[1 << 19] }, other.path)
    }
    let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(words.contains("dist2: \(path): expected a file that stays as it is"))
  }
}

@Suite struct PathTests {
  @Test func absolutePaths() throws {
    try withTemporaryFolder { folder in
      let root = String(cString: try #require(realpath(folder, nil)))
      #expect(absolutePath("a//./b/", from: "/x/") == "/x/a/b")
      #expect(absolutePath("../../y", from: "/x/z") == "/y")
      #expect(absolutePath("../../../y", from: "/x") == "/y")
      #expect(absolutePath("/a/../b") == "/b")
      #expect(absolutePath("/") == "/")
      #expect(absolutePath("~/a\"b\\c\n%20é", from: "/x") == "/x/~/a\"b\\c\n%20é")
      let here = FileManager.default.currentDirectoryPath
      #expect(absolutePath("../x") == (here as NSString).deletingLastPathComponent + "/x")
      #expect(absolutePath("../x", from: "y/z") == here + "/y/x")
      // Behind a link `..` is another folder than before it.
      try makeFolders(root + "/real/deep")
      #expect(symlink("real/deep", root + "/link") == 0)
      #expect(absolutePath("link/../x", from: root) == root + "/link/../x")
      #expect(absolutePath("real/../x", from: root) == root + "/x")
    }
  }

  @Test(arguments: ["../evil", "a/b", "", ".", "..", "a\nb", "a\0b", String(repeating: "x", count: 300)])
  func namesThatAreNone(_ name: String) {
    expectInputError("rows.jsonl: line 3", "a name that a file can have") {
      try requireFileName(name, path: "rows.jsonl", place: "line 3")
    }
  }

  @Test(arguments: ["testA", "val-1", "...", "名前", "a b\"c\\d"]) func namesThatAreSome(_ name: String) throws {
    try requireFileName(name, path: "", place: "")
  }
}
