// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

@Suite struct MappedFileTests {
  @Test func bytesOutliveTheFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/名前"
      try Data([1, 2, 3]).write(to: URL(filePath: path))
      let file = try MappedFile(path)
      try file.checkUnchanged()
      try FileManager.default.removeItem(atPath: path)
      #expect(file.withBytes(Array.init) == [1, 2, 3])
    }
  }

  @Test func replacedByRenameIsStillTheOldFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try AtomicFile.write([1, 2, 3], to: path)
      let file = try MappedFile(path)
      try AtomicFile.write([4], to: path)
      #expect(file.withBytes(Array.init) == [1, 2, 3])
      try #expect(read(path) == [4])
    }
  }

  @Test func copyOnWriteLeavesTheFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try Data([1, 2, 3]).write(to: URL(filePath: path))
      let file = try MappedFile(path, copyOnWrite: true)
      file.withBytes { UnsafeMutableRawBufferPointer(mutating: $0)[1] = 9 }
      #expect(file.withBytes(Array.init) == [1, 9, 3])
      try #expect(read(path) == [1, 2, 3])
    }
  }

  @Test func changeIsNoticed() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try Data([1, 2, 3]).write(to: URL(filePath: path))
      let file = try MappedFile(path)
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data([4]))
      let error = inputError { try file.checkUnchanged() }
      #expect(error?.found.hasPrefix("4 bytes where 3 were") == true)
    }
  }

  @Test func refusals() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write([], to: folder + "/empty")
      mkfifo(folder + "/pipe", 0o600)
      let cases = [
        ("absent", "no such file or directory"), ("", "a folder"), ("empty", "0 bytes"),
        ("empty/below", "not a directory"), ("pipe", "a pipe"),
        // What a command line argument that is not UTF-8 becomes.
        ("\u{FFFD}\u{FFFD}", "no such file or directory"),
      ]
      for (name, found) in cases {
        let error = inputError { _ = try MappedFile(folder + "/" + name) }
        #expect(error?.path == folder + "/" + name)
        #expect(error?.found == found)
      }
      let error = inputError { _ = try MappedFile("/dev/full") }
      #expect(error?.found == "a device")
    }
  }

  @Test(.enabled(if: getuid() != 0, "root may read everything"))
  func withoutPermission() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try AtomicFile.write([1], to: path)
      chmod(path, 0)
      let error = inputError { _ = try MappedFile(path) }
      #expect(error?.found == "permission denied")
      #expect(error?.remedy.isEmpty == false)
    }
  }
}
