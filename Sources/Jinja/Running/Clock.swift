// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What `strftime_now` reads: `datetime.now().strftime(format)`.
struct Clock {
  /// Seconds since 1970; nil: the machine's clock.
  var seconds: Double?

  private static let longest = 256

  /// The local time in C's format; Python's own `%f` is microseconds, and its `%z`, `%Z` are empty without a zone.
  func text(_ format: String) throws(Fault) -> String {
    guard format.utf8.count <= Self.longest, !format.utf8.contains(0) else {
      throw Fault(expected: "a format of time of at most \(Self.longest) bytes", found: "\(format.utf8.count) bytes")
    }
    let now = seconds ?? Date().timeIntervalSince1970
    guard abs(now) < 1e11 else { throw Fault(expected: "a time", found: "\(now)") }
    let whole = now.rounded(.down), micros = Int((now - whole) * 1e6)  // bounded: below a million
    var time = time_t(whole), parts = tm()
    localtime_r(&time, &parts)
    var own = "", rest = format[...]
    while let first = rest.popFirst() {
      guard first == "%", let letter = rest.popFirst() else {
        own.append(first)
        continue
      }
      switch letter {
      case "f": own += String(repeating: "0", count: 6 - String(micros).count) + String(micros)
      case "z", "Z": break
      default: own += "%\(letter)"
      }
    }
    // A format that gives nothing and one that does not fit both return 0: a last letter tells them apart.
    var buffer = [CChar](repeating: 0, count: 64 * Self.longest)
    let count = strftime(&buffer, buffer.count, own + "|", &parts)
    guard count > 0 else { throw Fault(expected: "a format of time", found: "\"\(format)\"") }
    return String(decoding: buffer[..<(count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
