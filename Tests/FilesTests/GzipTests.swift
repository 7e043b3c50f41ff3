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

  private func text(_ bytes: [UInt8]) throws -> String {
    String(decoding: try bytes.withUnsafeBytes { try inflate($0, path: "x.gz") }, as: UTF8.self)
  }

  private static func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).map { UInt8(hex.dropFirst($0).prefix(2), radix: 16)! }
  }
}
