// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

/// Files were compressed by Python: `gzip.compress(text, mtime=0)`.
@Suite struct GzipTests {
  /// "one\ntwo\n"
  static let whole: [UInt8] = bytes("1f8b0800000000000203cbcf4be52a29cfe70200e60bba1208000000")

  @Test func membersFollowOneAnother() throws {
    #expect(try text(Self.whole) == "one\ntwo\n")
    #expect(try text(Self.whole + Self.whole) == "one\ntwo\none\ntwo\n")
  }

  @Test func everyCutAndEveryChangedByteOfTheCheckIsNoticed() {
    for count in 2..<Self.whole.count {
      #expect(throws: InputError.self, "cut to \(count) bytes") { try text(Array(Self.whole[..<count])) }
    }
    for index in Self.whole.count - 8..<Self.whole.count {
      var bytes = Self.whole
      bytes[index] ^= 1
      #expect(throws: InputError.self, "byte \(index) changed") { try text(bytes) }
    }
  }

  @Test func aSmallFileMayNotBecomeALargeOne() throws {
    let error = #expect(throws: InputError.self) {
      try Self.whole.withUnsafeBytes { try inflate($0, path: "x.gz", limit: 4) }
    }
    #expect(error?.remedy.contains("gunzip") == true)
  }

  /// A gibibyte from a megabyte: more is refused before memory is taken for it.
  @Test func aBombIsRefused() throws {
    // 64 MiB of zeros as one member, 17 times.
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "head -c 67108864 /dev/zero | gzip -1"]
    process.standardOutput = output
    try process.run()
    let member = Array(output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    let bomb = Array(repeating: member, count: 17).flatMap { $0 }
    #expect(!member.isEmpty)
    #expect(bomb.count < 16 << 20)
    expectInputError("x.gz", "at most 1024 MiB") { _ = try bomb.withUnsafeBytes { try inflate($0, path: "x.gz") } }
  }

  private func text(_ bytes: [UInt8]) throws -> String {
    String(decoding: try bytes.withUnsafeBytes { try inflate($0, path: "x.gz") }, as: UTF8.self)
  }

  private static func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).map { UInt8(hex.dropFirst($0).prefix(2), radix: 16)! }
  }
}
