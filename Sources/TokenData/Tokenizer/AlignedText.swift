// SPDX-License-Identifier: Apache-2.0
/// Text on its way to the model, each byte knowing which bytes of the original it came from.
///
/// All bytes of one scalar share one alignment. Without normalisation the alignment is the text's own scalars, and the
/// arrays stay empty.
struct AlignedText {
  /// UTF-8.
  var bytes: [UInt8] = []
  /// First byte of the original for each byte.
  private(set) var starts: [Int32] = []
  /// One past the last byte of the original for each byte.
  private(set) var ends: [Int32] = []
  /// Whether the text is the original itself.
  private(set) var isOriginal: Bool

  /// The original.
  init(original text: String) {
    bytes = Array(text.utf8)
    isOriginal = true
  }

  /// Nothing yet, to be filled by `append`.
  init(reserving capacity: Int) {
    isOriginal = false
    bytes.reserveCapacity(capacity)
    starts.reserveCapacity(capacity)
    ends.reserveCapacity(capacity)
  }

  /// Adds one scalar that came from `start..<end` of the original.
  @inline(__always) mutating func append(_ scalar: UInt32, from start: Int32, to end: Int32) {
    bytes.append(scalar: scalar)
    while starts.count < bytes.count {
      starts.append(start)
      ends.append(end)
    }
  }

  /// Adds UTF-8 whose every byte came from `start..<end` of the original.
  mutating func append(_ content: [UInt8], from start: Int32, to end: Int32) {
    bytes.append(contentsOf: content)
    starts.append(contentsOf: repeatElement(start, count: content.count))
    ends.append(contentsOf: repeatElement(end, count: content.count))
  }

  /// Adds a part of another text as it is. `range` begins and ends between scalars.
  mutating func append(_ text: AlignedText, _ range: Range<Int>) {
    bytes.append(contentsOf: text.bytes[range])
    if text.isOriginal {
      text.forEachScalar(in: range) { scalar in
        starts.append(contentsOf: repeatElement(scalar.start, count: scalar.length))
        ends.append(contentsOf: repeatElement(scalar.end, count: scalar.length))
      }
    } else {
      starts.append(contentsOf: text.starts[range])
      ends.append(contentsOf: text.ends[range])
    }
  }

  /// Drops what comes after `count` bytes.
  mutating func truncate(to count: Int) {
    bytes.removeSubrange(count...)
    starts.removeSubrange(count...)
    ends.removeSubrange(count...)
  }

  /// A scalar and where it came from.
  struct Scalar {
    var value: UInt32
    /// Bytes it takes here.
    var length: Int
    var start: Int32
    var end: Int32
  }

  /// Visits the scalars of a range in order.
  @inline(__always) func forEachScalar(in range: Range<Int>, _ body: (Scalar) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var position = range.lowerBound
      while position < range.upperBound {
        let (value, length) = bytes.scalar(at: position)
        body(
          isOriginal
            ? Scalar(value: value, length: length, start: Int32(position), end: Int32(position + length))
            : Scalar(value: value, length: length, start: starts[position], end: ends[position]))
        position += length
      }
    }
  }

  /// The bytes of the original behind a range that is not empty.
  @inline(__always) func original(of range: Range<Int>) -> Range<Int> {
    if isOriginal { return range }
    let start = Int(starts[range.lowerBound])
    return start..<max(start, Int(ends[range.upperBound - 1]))
  }
}

/// A part of an `AlignedText`: a word for the model, or an added token that is one already.
struct Split {
  var start: Int32
  var end: Int32
  /// Id of the added token; −1 for text.
  var token: Int32 = -1

  init(_ range: Range<Int>, token: Int32 = -1) {
    start = Int32(range.lowerBound)
    end = Int32(range.upperBound)
    self.token = token
  }

  @inline(__always) var range: Range<Int> { Int(start)..<Int(end) }
  @inline(__always) var isText: Bool { token < 0 }
}

/// A text and its parts. Every stage before the model makes new parts, or a new text, out of the old.
struct SplitText {
  var text: AlignedText
  var splits: [Split]

  /// Cuts each part that is still text. `cut` appends its pieces; empty ones are dropped.
  mutating func cut(_ cut: (UTF8Bytes, Range<Int>, inout [Split]) -> Void) {
    var result: [Split] = []
    result.reserveCapacity(splits.count + text.bytes.count / 4)
    text.bytes.withUnsafeBufferPointer { bytes in
      for split in splits {
        if split.isText {
          cut(bytes, split.range, &result)
        } else {
          result.append(split)
        }
      }
    }
    splits = result
  }

  /// Rewrites each part that is still text. `rewrite` appends what the part becomes; parts that become empty are dropped.
  mutating func rewrite(_ rewrite: (AlignedText, Range<Int>, inout AlignedText) -> Void) {
    var result = AlignedText(reserving: text.bytes.count + text.bytes.count / 2 + 16)
    var parts: [Split] = []
    parts.reserveCapacity(splits.count)
    for split in splits {
      let start = result.bytes.count
      if split.isText {
        rewrite(text, split.range, &result)
      } else {
        result.append(text, split.range)
      }
      if result.bytes.count > start { parts.append(Split(start..<result.bytes.count, token: split.token)) }
    }
    text = result
    splits = parts
  }
}
