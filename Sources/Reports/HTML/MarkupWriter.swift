// SPDX-License-Identifier: Apache-2.0
/// Writes XML, which is also good HTML: everything given as text is escaped.
struct MarkupWriter {
  private(set) var text = ""

  /// An attribute: a name and a value that is escaped.
  typealias Attributes = KeyValuePairs<String, String>

  mutating func empty(_ name: String, _ attributes: Attributes = [:]) {
    text += tag(name, attributes) + "/>\n"
  }

  mutating func element(_ name: String, _ attributes: Attributes = [:], _ content: (inout MarkupWriter) -> Void) {
    text += tag(name, attributes) + ">\n"
    content(&self)
    text += "</\(name)>\n"
  }

  mutating func element(_ name: String, _ attributes: Attributes = [:], text content: String) {
    text += tag(name, attributes) + ">\(content.escapedForMarkup)</\(name)>\n"
  }

  /// A shape with a tooltip.
  mutating func shape(_ name: String, _ attributes: Attributes, tooltip: String) {
    text += tag(name, attributes) + "><title>\(tooltip.escapedForMarkup)</title></\(name)>\n"
  }

  /// Text that is XML already.
  mutating func raw(_ xml: String) { text += xml }

  private func tag(_ name: String, _ attributes: Attributes) -> String {
    attributes.reduce("<" + name) { $0 + " \($1.key)=\"\($1.value.escapedForMarkup)\"" }
  }
}

extension String {
  /// The text inside HTML or XML, in elements and in quoted attributes.
  ///
  /// Control characters, which XML 1.0 cannot hold even escaped, become U+FFFD.
  package var escapedForMarkup: String {
    var escaped = ""
    escaped.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
