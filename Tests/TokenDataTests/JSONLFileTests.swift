// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct JSONLFileTests {
  /// Line number and value of `n` of each entry.
  private func entries(_ text: String) throws -> [[Int]] {
    try withFile(text) { path in
      let file = try JSONLFile(path)
      return try (0..<file.count).map { [file.lineNumber($0), try file.record($0).int(at: "n")] }
    }
  }

  @Test func linesAreNumberedAsInAnEditor() throws {
    #expect(try entries("{\"n\": 7}") == [[1, 7]])
    #expect(try entries("{\"n\": 7}\n{\"n\": 8}\n") == [[1, 7], [2, 8]])
    #expect(
      try entries("\n\n{\"n\": 7}\n\n \t\n{\"n\": 8}\n{\"n\": 9}\n\n\n{\"n\": 10}\n\n") == [
        [3, 7], [6, 8], [7, 9], [10, 10],
      ])
    #expect(try entries("\u{FEFF}{\"n\": 7}\r\n\r\n{\"n\": 8}\n{\"n\": 9}\r\n") == [[1, 7], [3, 8], [4, 9]])
    #expect(try entries("\u{FEFF}\n  {\"n\": 7}  ") == [[2, 7]])
  }

  /// Numbers are kept where empty lines are, not for each line.
  @Test func manyEmptyLines() throws {
    var generator = RandomText.Generator(state: 1), text = "", expected = [[Int]](), line = 1
    for value in 0..<2000 {
      for _ in 0..<max(0, generator.next(6) - 3) {
        text += "\n"
        line += 1
      }
      text += "{\"n\": \(value)}\n"
      expected.append([line, value])
      line += 1
    }
    #expect(try entries(text) == expected)
  }

  @Test func namesSayFileAndLine() throws {
    try withFile("\n{\"n\": 7}", name: "train.jsonl") { path in
      let file = try JSONLFile(path)
      #expect(file.name(0) == "train.jsonl line 2")
      #expect(file.path == path)
      #expect(file.size == 9)
    }
  }

  @Test func aBrokenLineOfManyIsNamed() throws {
    var lines = (1...50_000).map { "{\"prompt\": \"\($0) is\", \"completion\": \" a number\"}" }
    lines[40_122] = "{\"prompt\": \"40123 is\", \"completion\": \" a numb"
    try withFile(lines.joined(separator: "\n")) { path in
      let file = try JSONLFile(path)
      #expect(file.count == 50_000)
      for index in [0, 40_121, 40_123, 49_999] {
        #expect(try file.record(index).string(at: "prompt") == "\(index + 1) is")
      }
      expectRefusal("\(path): line 40123, column ", "the end of the line", "Is it cut off?") {
        _ = try file.record(40_122)
      }
    }
  }

  /// One place, not that of a file and that of a text within it.
  @Test func errorsCountFromTheLinesStart() throws {
    try withFile("{\"n\": 1}\n\n{\"n\": x}\n{\"n\": 1} 2\n[1]\n5") { path in
      let file = try JSONLFile(path)
      func message(_ index: Int) -> String {
        do throws(InputError) {
          _ = try file.record(index)
          return ""
        } catch { return String(error.description.dropFirst(path.count)) }
      }
      #expect(message(1) == ": line 3, column 7: expected a JSON value, found \"x\".")
      #expect(
        message(2).hasPrefix(": line 4, column 10: expected the end of the line after the JSON value, found \"2\"."))
      #expect(message(3).hasPrefix(": line 5: expected a JSON object, found "))
      #expect(message(4) == ": line 6: expected a JSON object, found number 5.")
    }
  }

  /// A file of 2 GB without a line end; none of it is on the disk.
  @Test func aLineOfGigabytesIsRefused() throws {
    try withFile("{\"n\": 1}\n{\"text\": \"") { path in
      #expect(truncate(path, 2 << 30) == 0)
      let file = try JSONLFile(path)
      #expect(file.count == 2)
      #expect(try file.record(0).int(at: "n") == 1)
      let start = ContinuousClock.now
      expectRefusal("line 2: expected a line of at most 64 MiB, found a longer one", "one JSON object a line?") {
        _ = try file.record(1)
      }
      #expect(ContinuousClock.now - start < .seconds(1))
    }
  }

  @Test func theLongestLineIsRead() throws {
    let frame = "{\"n\": 1}\n{\"n\": 2".utf8.count - "{\"n\": 1}\n".utf8.count + 1
    for extra in [0, 1] {
      var bytes = Array("{\"n\": 1}\n{\"n\": 2".utf8)
      bytes += [UInt8](repeating: 0x20, count: JSONLFile.longestLine - frame + extra) + Array("}\n{\"n\": 3}".utf8)
      try withFile(bytes) { path in
        let file = try JSONLFile(path)
        #expect(try file.record(2).int(at: "n") == 3)
        if extra == 0 {
          #expect(try file.record(1).int(at: "n") == 2)
        } else {
          expectRefusal("line 2: expected a line of at most 64 MiB") { _ = try file.record(1) }
        }
      }
    }
  }

  @Test func whatIsNoFileIsRefused() throws {
    try withFile("{}") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      expectRefusal(folder, "found a folder") { _ = try JSONLFile(folder) }
      expectRefusal("\(path)x", "no such file") { _ = try JSONLFile(path + "x") }
      expectRefusal("a device") { _ = try JSONLFile("/dev/null") }
    }
    try withFile("") { path in expectRefusal("found 0 bytes") { _ = try JSONLFile(path) } }
    for text in ["\n", " \r\n\t\n", "\u{FEFF}", "\u{FEFF}\n"] {
      try withFile(text) { path in
        expectRefusal("expected a JSON object on each line, found empty lines only") { _ = try JSONLFile(path) }
      }
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything")) func noPermission() throws {
    try withFile("{}") { path in
      chmod(path, 0)
      expectRefusal(path, path) { _ = try JSONLFile(path) }
    }
  }

  @Test func textThatIsNotUTF8IsRefused() throws {
    try withFile(Array("{\"n\": 1}\n{\"n\": \"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)) { path in
      let file = try JSONLFile(path)
      expectRefusal("line 2, column 7: expected UTF-8", "Convert the file to UTF-8") { _ = try file.record(1) }
    }
    // A byte order mark counts at the start of the file alone.
    try withFile("{\"n\": 1}\n\u{FEFF}{\"n\": 2}") { path in
      let file = try JSONLFile(path)
      expectRefusal("line 2, column 1", "byte order mark") { _ = try file.record(1) }
    }
  }

  @Test func damagedFilesAreReadOrRefused() throws {
    let good = Array(
      "\u{FEFF}{\"prompt\": \"é 😀\", \"completion\": \"1.5\", \"spans\": {\"y\": [[0, 1]]}}\r\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"\\u00e9\"}, {\"role\": \"assistant\", \"content\": \"7\"}]}\n{\"text\": \"a\", \"id\": 5}"
        .utf8)
    let reader = RecordReader(), folder = FileManager.default.temporaryDirectory.path
    var read = 0, refused = 0
    for seed in 0..<2000 {
      var generator = RandomText.Generator(state: UInt64(seed)), bytes = good
      for _ in 0..<1 + generator.next(4) {
        let at = generator.next(bytes.count)
        switch generator.next(4) {
        case 0: bytes[at] = UInt8(generator.next(256))
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: Array("{}[]\",:\n\r\\u0-9e".utf8).prefix(1 + generator.next(16)), at: at)
        default: bytes.removeSubrange(at..<min(bytes.count, at + generator.next(20)))
        }
        if bytes.isEmpty { bytes = good }
      }
      let path = "\(folder)/fuzz-\(getpid())-\(seed).jsonl"
      try Data(bytes).write(to: URL(filePath: path))
      defer { unlink(path) }
      do throws(InputError) {
        let file = try JSONLFile(path)
        for index in 0..<file.count {
          do throws(InputError) {
            _ = try reader.record(file, index)
            read += 1
          } catch {
            #expect(error.path == path, "seed \(seed): \(error)")
            #expect(error.place.hasPrefix("line \(file.lineNumber(index))"), "seed \(seed): \(error)")
            refused += 1
          }
        }
      } catch { #expect(error.path == path) }
    }
    #expect(read > 1000)
    #expect(refused > 1000)
  }

  @Test func theFingerprintChangesWithAnyByte() throws {
    let bytes = Array("{\"text\": \"abcdefghij\"}".utf8)
    func fingerprint(_ bytes: [UInt8]) throws -> UInt64 {
      try withFile(bytes) { path in try JSONLFile(path).fingerprint() }
    }
    var seen: Set = [try fingerprint(bytes)]
    #expect(try seen.contains(fingerprint(bytes)))
    for index in bytes.indices {
      for bit in [0, 3, 7] {
        var changed = bytes
        changed[index] ^= 1 << bit
        // What is no text any more is refused.
        if let print = try? fingerprint(changed) { #expect(seen.insert(print).inserted) }
      }
      #expect(seen.insert(try fingerprint(Array(bytes[..<index]) + [0x0A] + bytes[index...])).inserted)
    }
    // Two changes do not cancel each other.
    for (first, second) in [(7, 15), (6, 14), (0, 8)] {
      for bit in 0..<8 {
        var changed = bytes
        changed[first] ^= 1 << bit
        changed[second] ^= 1 << bit
        if let print = try? fingerprint(changed) { #expect(seen.insert(print).inserted) }
      }
    }
    for tail in 1...9 { #expect(seen.insert(try fingerprint(bytes + [UInt8](repeating: 0x20, count: tail))).inserted) }
  }

  @Test func aChangeWhileItIsOpenIsNoticed() throws {
    try withFile("{\"n\": 1}\n{\"n\": 2}\n") { path in
      let file = try JSONLFile(path)
      _ = try file.record(0)
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.seekToEnd()
      try handle.write(contentsOf: Array("{\"n\": 3}\n".utf8))
      try handle.close()
      expectRefusal("a file that stays as it is while it is read") { _ = try file.record(0) }
    }
    try withFile("{\"n\": 1}\n{\"n\": 2}\n") { path in
      let file = try JSONLFile(path)
      #expect(truncate(path, 3) == 0)
      expectRefusal("a file that stays as it is while it is read") { _ = try file.record(1) }
    }
    // Replaced by a rename, as editors do: the old one stays open.
    try withFile("{\"n\": 1}\n") { path in
      let file = try JSONLFile(path)
      try "{\"n\": 2}\n".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try file.record(0).int(at: "n") == 1)
    }
  }
}
