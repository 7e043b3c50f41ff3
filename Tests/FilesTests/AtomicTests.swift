import Files
import Foundation
import Testing

private struct Interruption: Error {}

@Suite struct AtomicFileTests {
  @Test func writesInPieces() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.txt"
      let large = [UInt8](repeating: 7, count: 1 << 17)
      let result = try AtomicFile.write(to: path) { file in
        try file.write("ab".utf8)
        try large.withUnsafeBytes { try file.write($0) }
        try file.write("c".utf8)
        #expect(file.count == large.count + 3)
        try #expect(listing(folder) == ["a.txt.partial"])
        return 5
      }
      #expect(result == 5)
      try #expect(read(path) == Array("ab".utf8) + large + Array("c".utf8))
      try #expect(listing(folder) == ["a.txt"])
    }
  }

  @Test func failureLeavesTheOldFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try AtomicFile.write([1], to: path)
      let error = thrown {
        try AtomicFile.write(to: path) { file in
          try file.write([2, 3])
          throw Interruption()
        }
      }
      #expect(error is Interruption)
      try #expect(listing(folder) == ["a"])
      try #expect(read(path) == [1])
    }
  }

  @Test func clearsWhatAKilledProcessLeft() throws {
    try withTemporaryFolder { folder in
      try Data(repeating: 1, count: 100).write(to: URL(filePath: folder + "/a.partial"))
      try AtomicFile.write([2], to: folder + "/a")
      try #expect(read(folder + "/a") == [2])
      try #expect(listing(folder) == ["a"])
    }
  }

  @Test func twoWritersOfOneName() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(to: folder + "/a") { file in
        try file.write([1])
        let error = inputError { try AtomicFile.write([2], to: folder + "/a") }
        #expect(error?.found == "that another process is writing it")
      }
      try #expect(read(folder + "/a") == [1])
    }
  }

  @Test func refusals() throws {
    try withTemporaryFolder { folder in
      expectInputError("a folder") { try AtomicFile.write([1], to: folder) }
      let absent = inputError { try AtomicFile.write([1], to: folder + "/no/a") }
      #expect(absent?.found == "no such file or directory")
      #expect(absent?.remedy.isEmpty == false)
      try #expect(listing(folder).isEmpty)
    }
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full"))
  func fullDisk() throws {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    let error = inputError {
      try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try writeAll($0, to: full, path: "model.safetensors") }
    }
    #expect(error?.path == "model.safetensors")
    #expect(error?.expected == "room for 10 more bytes")
    #expect(error?.found == "no space left on device")
    #expect(error?.remedy == "Free some space there, or write to another disk.")
  }

  @Test func tooLittleRoomIsKnownBeforehand() throws {
    try withTemporaryFolder { folder in
      let error = inputError {
        try AtomicFile.write(to: folder + "/a") { file in
          try file.expectRoom(for: 1 << 60)
        }
      }
      #expect(error?.expected == "room for \(1 << 60) bytes")
      #expect(error?.found.hasSuffix("bytes free on the disk") == true)
      try #expect(listing(folder).isEmpty)
    }
  }
}

@Suite struct AtomicFolderTests {
  @Test func appearsWhole() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x/step-1"
      try AtomicFolder.write(to: path + "/") { partial in
        try AtomicFile.write([1], to: partial + "/a")
        try makeFolders(partial + "/b/c")
        try #expect(listing(folder + "/x") == ["step-1.partial"])
      }
      try #expect(listing(folder + "/x") == ["step-1"])
      try #expect(listing(path) == ["a", "b"])
    }
  }

  @Test func failureLeavesTheOldFolder() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m"
      try AtomicFolder.write(to: path) { try AtomicFile.write([1], to: $0 + "/a") }
      expectInputError("that it exists already") { try AtomicFolder.write(to: path) { _ in } }
      let error = thrown {
        try AtomicFolder.write(to: path, replacing: true) { partial in
          try AtomicFile.write([2], to: partial + "/a")
          throw Interruption()
        }
      }
      #expect(error is Interruption)
      try #expect(listing(folder) == ["m"])
      try #expect(read(path + "/a") == [1])
    }
  }

  @Test func replaces() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m"
      for name in ["a", "b"] {
        try AtomicFolder.write(to: path, replacing: true) { try AtomicFile.write([1], to: $0 + "/" + name) }
      }
      try #expect(listing(folder) == ["m"])
      try #expect(listing(path) == ["b"])
    }
  }

  @Test func clearsWhatAKilledProcessLeft() throws {
    try withTemporaryFolder { folder in
      try makeFolders(folder + "/m.partial/deep/er")
      try Data([1]).write(to: URL(filePath: folder + "/m.partial/deep/file"))
      try AtomicFolder.write(to: folder + "/m") { try AtomicFile.write([2], to: $0 + "/a") }
      try #expect(listing(folder) == ["m"])
      try #expect(listing(folder + "/m") == ["a"])
    }
  }

  @Test func twoWritersOfOneName() throws {
    try withTemporaryFolder { folder in
      try AtomicFolder.write(to: folder + "/m") { partial in
        try AtomicFile.write([1], to: partial + "/a")
        let error = inputError { try AtomicFolder.write(to: folder + "/m") { _ in } }
        #expect(error?.found == "that another process is writing it")
      }
      try #expect(listing(folder + "/m") == ["a"])
    }
  }
}
