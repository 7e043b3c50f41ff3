extension HTMLReport {
  /// What a token of a text is to the training.
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
        body.element("div", ["class": "tokens"]) { body in
          for token in tokens {
            let text = token.text.replacing("\n", with: "⏎\n")
            body.raw("<span class=\"\(token.kind.name)\">\(text.escapedForMarkup)</span>")
          }
        }
      }
    }
  }

  /// What the marks mean.
  public mutating func tokenLegend(_ kinds: [(name: String, kind: TokenKind)]) {
    append { body in
      body.element("p", ["class": "tokens legend"]) { body in
        for kind in kinds { body.element("span", ["class": kind.kind.name], text: kind.name) }
      }
    }
  }
}
