// SPDX-License-Identifier: Apache-2.0
/// Cuts text where its script changes: the UnicodeScripts pre-tokenizer. Kana are Han; spaces belong to any script.
struct UnicodeScripts: Sendable {
  /// Number of each scalar's script; 0 = any.
  private var scripts: [UInt8] = []

  static let shared = UnicodeScripts()

  private init() {
    scripts.reserveCapacity(0x110000)
    var reader = Base32Reader(UnicodeScriptTables.runs)
    while let count = reader.next(), let script = reader.next() {
      scripts.append(contentsOf: repeatElement(UInt8(script), count: count))
    }
  }

  /// Appends the parts of a range. As with the `tokenizers` package, what precedes the first scalar with a script is lost.
  func cut(_ bytes: UTF8Bytes, _ range: Range<Int>, _ result: inout [Split]) {
    var last: UInt8 = 0
    var start: Int?
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, length) = bytes.scalar(at: position)
      if case let script = scripts[Int(scalar)], script != 0, script != last {
        if let start { result.append(Split(start..<position)) }
        start = position
        last = script
      }
      position += length
    }
    if let start { result.append(Split(start..<range.upperBound)) }
  }
}
