// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Synchronization
import TestSupport
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
        let names = try listing(folder)
        #expect(names.count == 1 && names[0].hasPrefix("a.txt.dist2-"))
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

  /// Whatever it is called: a name is no proof.
  @Test func whatIsBesideItIsTheUsers() throws {
    try withTemporaryFolder { folder in
      let others = ["a.partial", "a.old", "a.tmp", "a.dist2-", "a.dist2-0123456789abcdef01234567", ".dist2-x"]
      for name in others { try Data([1]).write(to: URL(filePath: folder + "/" + name)) }
      try AtomicFile.write([2], to: folder + "/a")
      try #expect(listing(folder) == (others + ["a"]).sorted())
      for name in others { try #expect(read(folder + "/" + name) == [1]) }
    }
  }

  @Test func clearsWhatAKilledProcessLeft() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "killed-\(UUID().uuidString)").path
    try makeFolders(folder + "/other")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
      try AtomicFile.write(to: folder + "/a") { file in
        try file.write([UInt8](repeating: 1, count: 1 << 17))
        try AtomicFolder.write(to: folder + "/m") { partial in
          try AtomicFile.write([1], to: partial + "/b")
          kill(getpid(), SIGKILL)
        }
      }
    }
    try #expect(listing(folder).count == 3)
    try AtomicFile.write([2], to: folder + "/c")
    try #expect(listing(folder) == ["c", "other"])
  }

  /// Both are whole, and the last counts. Neither is taken for what a killed process left.
  @Test func twoWritersOfOneName() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(to: folder + "/a") { file in
        try file.write([1])
        try AtomicFile.write([2], to: folder + "/a")
        try #expect(read(folder + "/a") == [2])
        clearLeftovers(inFolder: folder)
      }
      try #expect(read(folder + "/a") == [1])
      try #expect(listing(folder) == ["a"])
    }
  }

  @Test func linksAreFollowedAndStay() throws {
    try withTemporaryFolder { folder in
      try makeFolders(folder + "/deep")
      for target in ["deep/there", "deep/absent"] {
        if target.hasSuffix("there") { try Data([1]).write(to: URL(filePath: folder + "/" + target)) }
        let link = folder + "/link"
        unlink(link)
        #expect(symlink(target, link) == 0)
        try AtomicFile.write([2], to: link)
        try #expect(read(folder + "/" + target) == [2])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
      }
      #expect(symlink("round", folder + "/round") == 0)
      expectInputError("too many levels") { try AtomicFile.write([1], to: folder + "/round") }
    }
  }

  @Test func aPipeIsWrittenInPlaceOrRefused() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/pipe"
      #expect(mkfifo(path, 0o600) == 0)
      expectInputError("a pipe that a program reads", "nobody") { try AtomicFile.write([1], to: path) }
      let reader = open(path, O_RDONLY | O_NONBLOCK)
      defer { close(reader) }
      try AtomicFile.write("abc".utf8, to: path)
      var bytes = [UInt8](repeating: 0, count: 10)
      #expect(read(reader, &bytes, 10) == 3 && Array(bytes[..<3]) == Array("abc".utf8))
      try #expect(listing(folder) == ["pipe"])
    }
  }

  @Test func devicesStayDevices() throws {
    try AtomicFile.write([1], to: "/dev/null")
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    #if os(Linux)
      expectInputError("no space left") { try AtomicFile.write([1], to: "/dev/full") }
    #endif
  }

  #if os(Linux)
    /// `--html /dev/stdout > page.html`: what was written before stays, and what comes after stands behind.
    @Test func descriptorsAreWrittenWhereTheyStand() throws {
      try withTemporaryFolder { folder in
        let path = folder + "/page", file = open(path, O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        #expect(write(file, "one", 3) == 3)
        try AtomicFile.write("two".utf8, to: "/dev/fd/\(file)")
        #expect(write(file, "three", 5) == 5)
        try #expect(read(path) == Array("onetwothree".utf8))
      }
    }
  #endif

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
        #expect(partial.hasPrefix(path + ".dist2-"))
        try #expect(listing(folder + "/x").count == 1)
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

  @Test func whatIsBesideItIsTheUsers() throws {
    try withTemporaryFolder { folder in
      for name in ["m.old", "m.partial", "m.dist2-old-0123456789abcdef01234567"] {
        try makeFolders(folder + "/" + name)
        try Data([1]).write(to: URL(filePath: "\(folder)/\(name)/thesis"))
      }
      for _ in 0..<2 {
        try AtomicFolder.write(to: folder + "/m", replacing: true) { try AtomicFile.write([2], to: $0 + "/a") }
      }
      let names = try listing(folder)
      #expect(names == ["m", "m.dist2-old-0123456789abcdef01234567", "m.old", "m.partial"])
      for name in names.dropFirst() { try #expect(read("\(folder)/\(name)/thesis") == [1]) }
    }
  }

  /// Another thread looks as often as it can; before the two names were exchanged it found nothing now and then.
  @Test func thereIsAlwaysAFolder() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/m", isDone = Atomic(false), misses = Atomic(0)
      try AtomicFolder.write(to: path) { try AtomicFile.write([1], to: $0 + "/a") }
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        while !isDone.load(ordering: .relaxed) {
          if access(path + "/a", F_OK) != 0 { misses.add(1, ordering: .relaxed) }
        }
        ended.signal()
      }
      for _ in 0..<50 {
        try AtomicFolder.write(to: path, replacing: true) { try AtomicFile.write([1], to: $0 + "/a", isSynced: false) }
      }
      isDone.store(true, ordering: .relaxed)
      ended.wait()
      #expect(misses.load(ordering: .relaxed) == 0)
    }
  }

  @Test func linksAreFollowedAndStay() throws {
    try withTemporaryFolder { folder in
      try makeFolders(folder + "/real")
      #expect(symlink("real", folder + "/m") == 0)
      expectInputError("that it exists already") { try AtomicFolder.write(to: folder + "/m") { _ in } }
      try AtomicFolder.write(to: folder + "/m/", replacing: true) { try AtomicFile.write([1], to: $0 + "/a") }
      try #expect(listing(folder + "/real") == ["a"])
      try #expect(listing(folder) == ["m", "real"])
    }
  }

  @Test func onlyFoldersAreReplaced() throws {
    try withTemporaryFolder { folder in
      try Data([1]).write(to: URL(filePath: folder + "/m"))
      expectInputError("a folder that may be replaced", "a file") {
        try AtomicFolder.write(to: folder + "/m", replacing: true) { _ in }
      }
      try #expect(read(folder + "/m") == [1])
    }
  }

  @Test func oneOfTwoWritersOfOneNameIsRefused() throws {
    try withTemporaryFolder { folder in
      expectInputError("that it exists already") {
        try AtomicFolder.write(to: folder + "/m") { partial in
          try AtomicFile.write([1], to: partial + "/a")
          try AtomicFolder.write(to: folder + "/m") { try AtomicFile.write([2], to: $0 + "/b") }
        }
      }
      try #expect(listing(folder) == ["m"])
      try #expect(listing(folder + "/m") == ["b"])
    }
  }

  /// What a user's folder holds may be called as it likes.
  @Test func namesOfAnyBytesAreDeleted() throws {
    try withTemporaryFolder { folder in
      let bytes = Array((folder + "/m/").utf8).map { CChar(bitPattern: $0) } + [-1, 0]
      try makeFolders(folder + "/m")
      let file = open(bytes, O_CREAT | O_WRONLY, 0o600)
      try #require(file >= 0)
      close(file)
      expectInputError("names in UTF-8", "Rename") { _ = try names(inFolder: folder + "/m") }
      try AtomicFolder.write(to: folder + "/m", replacing: true) { try AtomicFile.write([1], to: $0 + "/a") }
      try #expect(listing(folder + "/m") == ["a"])
      try #expect(listing(folder) == ["m"])
    }
  }
}
