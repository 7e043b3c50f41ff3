// SPDX-License-Identifier: Apache-2.0
extension String {
  /// Columns the text takes on a terminal: none for combining marks, two for East Asian wide characters and emoji.
  var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// Lines of at most `width` columns, broken at spaces; a word that is longer stays whole.
  package func wrapped(to width: Int) -> [String] {
    var lines = [String](), line = "", columns = 0
    for word in split(separator: " ", omittingEmptySubsequences: true) {
      let length = String(word).displayWidth
      if columns > 0, columns + 1 + length > width {
        lines.append(line)
        (line, columns) = ("", 0)
      }
      line += (columns > 0 ? " " : "") + word
      columns += (columns > 0 ? 1 : 0) + length
    }
    return lines + (columns > 0 ? [line] : [])
  }

  /// As ``wrapped(to:)``, with words that are longer cut into pieces.
  func broken(to width: Int) -> [String] {
    wrapped(to: width).flatMap { line -> [String] in
      guard line.displayWidth > width else { return [line] }
      var pieces = [""], columns = 0
      for character in line {
        let length = String(character).displayWidth
        if columns + length > width, columns > 0 {
          pieces.append("")
          columns = 0
        }
        pieces[pieces.count - 1].append(character)
        columns += length
      }
      return pieces
    }
  }

  /// Columns of the longest word.
  var longestWord: Int { split(separator: " ").map { String($0).displayWidth }.max() ?? 0 }

  /// The text without line breaks, tabs and other control characters.
  ///
  /// What comes from a data set must not break a table's lines or steer the terminal with escape sequences.
  package var onOneLine: String {
    guard unicodeScalars.contains(where: \.isControl) else { return self }
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      scalars.append(scalar.isControl ? (scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}") : scalar)
    }
    return String(scalars)
  }

  /// At most `width` columns, the end replaced by `mark` where it is longer.
  func truncated(to width: Int, mark: String) -> String {
    if displayWidth <= width { return self }
    var text = ""
    var left = width - mark.displayWidth
    if left < 0 { return "" }
    for character in self {
      left -= character.displayWidth
      if left < 0 { break }
      text.append(character)
    }
    return text + mark
  }

  /// The text with spaces up to `width` columns.
  func padded(to width: Int, _ alignment: Table.Alignment) -> String {
    let space = max(0, width - displayWidth)
    switch alignment {
    case .left: return self + String(repeating: " ", count: space)
    case .right: return String(repeating: " ", count: space) + self
    case .center:
      return String(repeating: " ", count: space / 2) + self + String(repeating: " ", count: space - space / 2)
    }
  }
}

extension [String] {
  /// Blocks of lines, an empty line between two, whether they end their own last line or not.
  package var asBlocks: String {
    map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }.joined(separator: "\n\n")
  }
}

extension String {
  /// The text without the spaces at its end.
  var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}

extension Character {
  fileprivate var displayWidth: Int {
    guard let first = unicodeScalars.first, !first.isControl else { return 0 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // A variation selector 16 asks for the emoji form of a character that has a narrow one too.
    let isEmoji = first.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}")
    return isEmoji || first.isWide ? 2 : 1
  }
}

extension Unicode.Scalar {
  fileprivate var isControl: Bool { value < 0x20 || (0x7F..<0xA0).contains(value) }

  /// East Asian width W or F (Unicode annex 11), as blocks: unassigned characters inside them count as wide.
  fileprivate var isWide: Bool {
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
      0x1F200...0x1F2FF, 0x20000...0x3FFFD:
      return true
    default: return false
    }
  }
}
