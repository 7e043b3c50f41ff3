// SPDX-License-Identifier: Apache-2.0
/// A string of a template: UTF-8, and which parts of it came from where.
///
/// Lengths and positions that a template sees count Unicode scalars, as Python's do; those here count bytes.
struct Text: Sendable {
  /// A part that came from a string of the input or was written inside `{% generation %}`.
  struct Run: Sendable, Hashable {
    var range: Range<Int>
    /// Index of the input string among all of them; nil: the template's own text.
    var leaf: Int32?
    /// Where in the input string the part begins; nil if it was changed on the way (another case, escapes).
    var source: Int?
    /// Number of the generation block.
    var generation: Int32?
  }

  private(set) var bytes: [UInt8]
  /// In order, not overlapping.
  private(set) var runs: [Run] = []
  /// Whether `safe` or `escape` made it: then what is added to it is escaped for HTML.
  var isMarkup = false

  init(bytes: [UInt8] = []) { self.bytes = bytes }

  init(_ string: some StringProtocol) { bytes = Array(string.utf8) }

  /// A string of the input.
  init(_ string: String, leaf: Int32) {
    bytes = Array(string.utf8)
    if !bytes.isEmpty { runs = [Run(range: 0..<bytes.count, leaf: leaf, source: 0)] }
  }

  var string: String { String(decoding: bytes, as: UTF8.self) }

  var isEmpty: Bool { bytes.isEmpty }

  /// The number of Unicode scalars.
  var scalarCount: Int { Self.scalarCount(bytes[...]) }

  static func scalarCount(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBufferPointer { $0.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 } }
  }

  /// Its scalars, each with the bytes that it takes.
  var scalars: [(scalar: Unicode.Scalar, range: Range<Int>)] {
    var position = 0
    return string.unicodeScalars.map { scalar in
      let start = position
      position += UTF8.width(scalar)
      return (scalar, start..<position)
    }
  }

  // MARK: Joining

  mutating func append(_ other: Text) {
    let offset = bytes.count
    bytes += other.bytes
    for run in other.runs { append(run, by: offset) }
  }

  /// Adds text of the template's own.
  mutating func append(_ string: some StringProtocol) { bytes += string.utf8 }

  mutating func append(bytes other: some Sequence<UInt8>) { bytes += other }

  /// Adds a run, joined with the one before where it goes on with it.
  private mutating func append(_ run: Run, by offset: Int) {
    var run = run
    run.range = run.range.lowerBound + offset..<run.range.upperBound + offset
    if let last = runs.last, last.range.upperBound == run.range.lowerBound, last.leaf == run.leaf,
      last.generation == run.generation,
      last.source.map({ $0 + last.range.count }) == run.source
    {
      runs[runs.count - 1].range = last.range.lowerBound..<run.range.upperBound
    } else {
      runs.append(run)
    }
  }

  // MARK: Parts

  /// The bytes of a range, which begins and ends between scalars.
  func slice(_ range: Range<Int>) -> Text {
    if range.count == bytes.count { return self }
    var result = Text(bytes: Array(bytes[range]))
    result.isMarkup = isMarkup
    for run in runs[firstRun(after: range.lowerBound)...] {
      guard run.range.lowerBound < range.upperBound else { break }
      let kept = run.range.clamped(to: range)
      result.runs.append(
        Run(
          range: kept.lowerBound - range.lowerBound..<kept.upperBound - range.lowerBound, leaf: run.leaf,
          source: run.source.map { $0 + kept.lowerBound - run.range.lowerBound }, generation: run.generation))
    }
    return result
  }

  /// Number of the first run that ends behind a position.
  private func firstRun(after position: Int) -> Int {
    var low = 0, high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].range.upperBound <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Marks all of it as written inside a generation block; what an inner block marked keeps its number.
  mutating func mark(generation: Int32) {
    var marked: [Run] = [], position = 0
    for run in runs {
      if run.range.lowerBound > position {
        marked.append(Run(range: position..<run.range.lowerBound, generation: generation))
      }
      var run = run
      run.generation = run.generation ?? generation
      marked.append(run)
      position = run.range.upperBound
    }
    if position < bytes.count { marked.append(Run(range: position..<bytes.count, generation: generation)) }
    runs = marked
  }

  /// The text with each scalar replaced where `change` gives another string.
  func mapped(_ change: (Unicode.Scalar, _ index: Int) -> String?) -> Text {
    var result = Text(), position = 0, next = 0, isChanged = false
    result.isMarkup = isMarkup
    result.bytes.reserveCapacity(bytes.count)
    for (index, scalar) in string.unicodeScalars.enumerated() {
      let width = UTF8.width(scalar), start = result.bytes.count, new = change(scalar, index)
      if let new {
        result.bytes += new.utf8
        isChanged = true
      } else {
        result.bytes += bytes[position..<position + width]
      }
      while next < runs.count, runs[next].range.upperBound <= position { next += 1 }
      if next < runs.count, runs[next].range.contains(position), result.bytes.count > start {
        var run = runs[next]
        let isAligned = result.bytes.count - start == width && new.map { $0.unicodeScalars.count == 1 } != false
        run.source = isAligned ? run.source.map { $0 + position - runs[next].range.lowerBound } : nil
        run.range = start..<result.bytes.count
        result.append(run, by: 0)
      }
      position += width
    }
    return isChanged ? result : self
  }

  /// With HTML's special characters written as entities.
  var escaped: Text {
    if isMarkup { return self }
    var result = mapped { scalar, _ in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "'": "&#39;"
      case "\"": "&#34;"
      default: nil
      }
    }
    result.isMarkup = true
    return result
  }

  // MARK: Positions

  /// The byte where scalar number `index` begins, counted from the end if negative; the nearest end if there is none.
  func offset(ofScalar index: Int) -> Int {
    var position = index < 0 ? bytes.count : 0, left = index
    while left > 0, position < bytes.count {
      position += 1
      while position < bytes.count, bytes[position] & 0xC0 == 0x80 { position += 1 }
      left -= 1
    }
    while left < 0, position > 0 {
      position -= 1
      while position > 0, bytes[position] & 0xC0 == 0x80 { position -= 1 }
      left += 1
    }
    return position
  }

  /// Scalar number `index`, counted from the end if negative; nil if there is none.
  func scalar(at index: Int) -> Text? {
    let start = offset(ofScalar: index)
    guard start < bytes.count else { return nil }
    if index < 0, start == 0, index < -scalarCount { return nil }
    var end = start + 1
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    return slice(start..<end)
  }
}
