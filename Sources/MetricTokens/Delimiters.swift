// SPDX-License-Identifier: Apache-2.0
/// The insides of a pair of delimiters: `<b>` … `</b>` around what is measured (figure 8).
public struct Delimiters: Sendable, Hashable, Codable {
  /// Text that opens a span.
  public var open: String
  /// Text that closes it.
  public var close: String

  /// Memberwise.
  public init(_ open: String, _ close: String) {
    precondition(!open.isEmpty && !close.isEmpty, "empty delimiters")
    self.open = open
    self.close = close
  }

  /// The spans between delimiters, in Unicode scalars, delimiters excluded.
  ///
  /// A delimiter opened again before it closes starts anew; one never closed marks nothing.
  ///
  /// - Parameter region: where to look, usually the answer; nil for the whole text.
  public func spans(in text: String, within region: Range<Int>? = nil) -> [Range<Int>] {
    let scalars = Array(text.unicodeScalars)
    let region = (region ?? scalars.indices).clamped(to: scalars.indices)
    let open = Array(open.unicodeScalars), close = Array(close.unicodeScalars)
    var spans = [Range<Int>](), start: Int?, at = region.lowerBound
    while at < region.upperBound {
      let rest = scalars[at..<region.upperBound]
      if let begun = start, rest.starts(with: close) {
        spans.append(begun..<at)
        start = nil
        at += close.count
      } else if rest.starts(with: open) {
        at += open.count
        start = at
      } else {
        at += 1
      }
    }
    return spans
  }
}
