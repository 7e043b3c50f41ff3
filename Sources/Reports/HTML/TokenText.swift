// SPDX-License-Identifier: Apache-2.0
extension HTMLReport {
  /// Role of a token in training.
  public enum TokenKind: Sendable, Hashable {
    /// Read only.
    case read
    /// Learnt by cross entropy.
    case learnt
    /// Learnt with a distance too; metrics are told apart by number.
    case metric(Int)
    /// Something is wrong with it.
    case problem

    fileprivate var name: String {
      switch self {
      case .read: "read"
      case .learnt: "learnt"
      case .metric(let index): "metric metric-\(index % 4)"
      case .problem: "problem"
      }
    }
  }

  /// A text cut into tokens, each marked by its kind; spaces and line breaks are kept.
  public mutating func tokens(_ caption: String, _ tokens: [(text: String, kind: TokenKind)]) {
    append { body in
      body.element("figure") { body in
        body.element("figcaption", text: caption)
        // Written without a line break of its own, which would be shown as one.
        let spans = tokens.map { token in
          let text = token.text.replacing("\n", with: "⏎\n")
          return "<span class=\"\(token.kind.name)\">\(text.escapedForMarkup)</span>"
        }
        body.raw("<div class=\"tokens\">\(spans.joined())</div>\n")
      }
    }
  }

  /// Legend of the marks.
  public mutating func tokenLegend(_ kinds: [(name: String, kind: TokenKind)]) {
    append { body in
      body.element("p", ["class": "tokens legend"]) { body in
        for kind in kinds { body.element("span", ["class": kind.kind.name], text: kind.name) }
      }
    }
  }
}
