// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// The bytes of a text file: mapped, or decompressed where gzip has compressed them.
enum TextBytes: Sendable {
  case mapped(MappedFile)
  case inflated([UInt8])

  /// - Parameter isLined: whether gigabytes without a line end are refused.
  init(_ path: String, isLined: Bool) throws(InputError) {
    let file = try MappedFile(path)
    if isLined { try Self.requireLineEnds(file) }
    file.willReadSequentially()
    let inflated = file.withBytes { bytes in
      isGzip(bytes) ? Result { () throws(InputError) in try inflate(bytes, path: path) } : nil
    }
    if let inflated { self = .inflated(try inflated.get()) } else { self = .mapped(file) }
  }

  /// Refuses gigabytes without a line end before they are searched through: a file with holes takes no room on the disk
  /// and can be as large as it likes.
  private static func requireLineEnds(_ file: MappedFile) throws(InputError) {
    let stretch = 4 << 30
    let isLined = file.withBytes { bytes in
      stride(from: stretch, through: bytes.count, by: stretch).allSatisfy { end in
        memchr(bytes.baseAddress! + (end - stretch), 0x0A, stretch) != nil
      }
    }
    guard isLined else {
      throw InputError(
        path: file.path, expected: "a JSON object on each line", found: "a line of more than 4 GiB",
        remedy: "Is the file cut off, or no text?")
    }
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch self {
    case .mapped(let file): try file.withBytes(body)
    case .inflated(let bytes): try bytes.withUnsafeBytes(body)
    }
  }

  func checkUnchanged() throws(InputError) {
    if case .mapped(let file) = self { try file.checkUnchanged() }
  }

  /// A number that changes with any byte of the file.
  func fingerprint() -> UInt64 { withBytes { UInt64(fingerprintOf: $0) } }

  /// Where text begins: behind a byte order mark.
  var start: Int { withBytes { $0.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 } }

  /// The first byte that is no white space; nil if there is none.
  var firstByte: UInt8? {
    withBytes { bytes in
      bytes[start...].first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    }
  }
}
