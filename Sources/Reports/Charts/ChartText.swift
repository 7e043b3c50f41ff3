// SPDX-License-Identifier: Apache-2.0
extension String {
  /// About how wide the text is in a sans-serif font, in units of the font's size.
  var estimatedEms: Double {
    reduce(0) { width, character in
      switch character {
      case "i", "j", "l", "I", "t", "f", "r", ".", ",", ":", ";", "|", "'", " ", "(", ")", "[", "]", "/": width + 0.32
      case "m", "w", "M", "W", "@", "%", "…": width + 0.9
      case "A"..."Z", "±", "→": width + 0.68
      case "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁻": width + 0.4
      default: width + 0.57 * Double(max(1, String(character).displayWidth))
      }
    }
  }

  /// The text, cut so that it takes at most `ems`: at its end, or in the middle.
  func fitted(ems: Double, keepingEnd: Bool = false) -> String {
    if estimatedEms <= ems { return self }
    var text = self
    if keepingEnd {
      var end = ""
      while let last = text.last, (end + "…").estimatedEms + String(last).estimatedEms <= ems / 2 {
        end = String(text.removeLast()) + end
      }
      return text.fitted(ems: ems - end.estimatedEms) + end
    }
    while !text.isEmpty, text.estimatedEms + 0.9 > ems { text.removeLast() }
    return text + "…"
  }
}

extension String {
  /// The text in at most so many lines, broken between words; what does not fit the last is cut off.
  func lines(ems: Double, most: Int) -> [String] {
    var lines = [""]
    for word in split(separator: " ") {
      let longer = lines[lines.count - 1].isEmpty ? String(word) : lines[lines.count - 1] + " " + word
      if longer.estimatedEms > ems, !lines[lines.count - 1].isEmpty, lines.count < most {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = longer
      }
    }
    return lines.map { $0.fitted(ems: ems) }
  }
}

/// A coordinate with at most two decimals.
func coordinate(_ value: Double) -> String {
  let rounded = (value * 100).rounded() / 100
  return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
}

/// A point of a path or a list of points.
func coordinates(_ x: Double, _ y: Double) -> String { coordinate(x) + "," + coordinate(y) }
