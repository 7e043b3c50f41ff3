// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// SentencePiece's rules for rewriting text, as its models hold them: the Precompiled normalizer.
///
/// The bytes are the length of a double array (darts-clone: units of 32 bits), that array, and the replacements, each ended
/// by a zero byte; the array leads from what is replaced to where its replacement begins. All of it is read and checked
/// here, so that applying it cannot fail.
struct PrecompiledCharacterMap: Sendable {
  private let trie: ByteTrie
  /// The replacement of each string of the trie, by its number.
  private let replacements: [Range<Int>]
  private let text: [UInt8]
  /// Bytes that may come out for one that goes in.
  let growth: Double

  init(_ json: JSONReader) throws(InputError) {
    guard let data = Data(base64Encoded: try json.string()) else { throw json.error(expected: "base64") }
    do throws(DoubleArrayUnits.Failure) {
      let units = try DoubleArrayUnits(Array(data))
      let ends = units.text.indices.filter { units.text[$0] == 0 } + [units.text.count]
      var keys: [(bytes: ArraySlice<UInt8>, value: Int32)] = []
      var replacements: [Range<Int>] = []
      var growth = 1.0
      for (key, start) in try units.strings(upTo: Self.longestGrapheme) {
        guard start <= units.text.count else { throw DoubleArrayUnits.Failure(found: "a replacement at \(start)") }
        let end = ends[ends.partitioningIndex { $0 >= start }]
        guard start == end || units.text[start] & 0xC0 != 0x80 else {
          throw DoubleArrayUnits.Failure(found: "a replacement that begins within a character")
        }
        keys.append((key[...], Int32(replacements.count)))
        replacements.append(start..<end)
        growth = max(growth, Double(end - start) / Double(key.count))
      }
      trie = ByteTrie(keys)
      self.replacements = replacements
      text = units.text
      self.growth = growth
    } catch {
      throw json.error(expected: "a character map of SentencePiece", found: error.found)
    }
  }

  /// Bytes of a grapheme that is looked up as a whole; longer ones go scalar by scalar.
  private static let longestGrapheme = 5

  // MARK: Text

  /// Adds a part of another text, rewritten.
  func append(_ source: AlignedText, _ range: Range<Int>, to result: inout AlignedText) {
    var changes = Changes()
    source.bytes.withUnsafeBufferPointer { bytes in
      forEachGrapheme(in: bytes, range) { grapheme in
        if grapheme.count <= Self.longestGrapheme, replace(bytes, grapheme, &changes) { return }
        var position = grapheme.lowerBound
        while position < grapheme.upperBound {
          let (scalar, length) = bytes.scalar(at: position)
          if !replace(bytes, position..<position + length, &changes) { changes.list.append((scalar, 0)) }
          position += length
        }
      }
    }
    guard changes.areAny else { return result.append(source, range) }
    result.append(source, range, transformed: { _ in changes.list })
  }

  /// The rewriting so far, in the bookkeeping of `CanonicalText`.
  private struct Changes {
    var list: [CanonicalText.Change] = []
    var areAny = false
  }

  /// Replaces all of a range if any beginning of it is in the map, the shortest; says whether one is.
  @inline(__always) private func replace(_ bytes: UTF8Bytes, _ range: Range<Int>, _ changes: inout Changes) -> Bool {
    var node = ByteTrie.root
    for index in range {
      guard let child = trie.child(of: node, bytes[index]) else { return false }
      node = child
      if case let number = trie.value(of: node), number >= 0 {
        replace(bytes, range, by: replacements[Int(number)], &changes)
        return true
      }
    }
    return false
  }

  /// New scalars take the places of the old one by one; those that are more are new, and those that are fewer are gone after
  /// the scalar before, whichever that is.
  private func replace(_ bytes: UTF8Bytes, _ range: Range<Int>, by replacement: Range<Int>, _ changes: inout Changes) {
    changes.areAny = true
    let old = bytes[range].count(where: { $0 & 0xC0 != 0x80 })
    var new = 0
    text.withUnsafeBufferPointer { text in
      var position = replacement.lowerBound
      while position < replacement.upperBound {
        let (scalar, length) = text.scalar(at: position)
        new += 1
        changes.list.append((scalar, new > old ? 1 : 0))
        position += length
      }
    }
    if new < old, let last = changes.list.indices.last { changes.list[last].change += new - old }
  }

  /// Visits user-perceived characters.
  @inline(__always) private func forEachGrapheme(in bytes: UTF8Bytes, _ range: Range<Int>, _ body: (Range<Int>) -> Void)
  {
    var position = range.lowerBound
    while position < range.upperBound {
      // Nothing joins two characters of ASCII but a line's end of two.
      var end = position + 1
      while end < range.upperBound, bytes[end - 1] >= 0x80 || bytes[end] >= 0x80 || bytes[end] == 0x0A { end += 1 }
      if end == position + 1 {
        body(position..<end)
      } else {
        for character in String(decoding: bytes[position..<end], as: UTF8.self) {
          let start = position
          position += character.utf8.count
          body(start..<position)
        }
      }
      position = end
    }
  }
}
