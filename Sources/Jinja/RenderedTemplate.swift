// SPDX-License-Identifier: Apache-2.0
/// A conversation as a template wrote it.
public struct RenderedTemplate: Sendable, Hashable {
  /// A part of the text that came from a message.
  public struct Span: Sendable, Hashable {
    /// Number of the message.
    public var message: Int
    /// Where in the message: `content`, `content[0].text`, `tool_calls[0].function.name`, ….
    public var path: String
    /// Where in the text, in Unicode scalars.
    public var range: Range<Int>
    /// Which scalars of the message's string these are; nil if the template changed them (another case, escapes of JSON).
    public var source: Range<Int>?
  }

  /// The text, to be encoded without the tokenizer's own special tokens.
  public var text: String
  /// What stands in `{% generation %}`, in Unicode scalars of the text, in order.
  public var generationSpans: [Range<Int>]
  /// All that came from strings of messages, in order, with neighbours of one string joined.
  public var spans: [Span]

  /// The spans that came from the messages' `content`, be it a string or parts.
  public var contentSpans: [Span] { spans.filter { $0.path == "content" || $0.path.hasPrefix("content[") } }

  init(_ output: Text, _ generations: [Range<Int>], _ leaves: [TemplateInput.Leaf]) {
    text = output.string
    var positions = ScalarPositions(output.bytes)
    spans = []
    var marked: [Int32: Range<Int>] = [:]
    var sources: [Int32: ScalarPositions] = [:]
    for run in output.runs {
      let range = positions.scalars(run.range)
      if let generation = run.generation {
        let old = marked[generation] ?? range
        marked[generation] = old.lowerBound..<range.upperBound
      }
      guard let number = run.leaf else { continue }
      let leaf = leaves[Int(number)]
      let source = run.source.map { start in
        sources[number, default: ScalarPositions(leaf.bytes)].scalars(start..<start + run.range.count)
      }
      let span = Span(message: leaf.message, path: leaf.path, range: range, source: source)
      if let last = spans.last, last.message == span.message, last.path == span.path,
        last.range.upperBound == range.lowerBound, last.source?.upperBound == source?.lowerBound
      {
        spans[spans.count - 1].range = last.range.lowerBound..<range.upperBound
        spans[spans.count - 1].source = source.map { last.source!.lowerBound..<$0.upperBound }
      } else {
        spans.append(span)
      }
    }
    var counted = ScalarPositions(output.bytes)
    generationSpans = (generations.map { counted.scalars($0) } + marked.values)
      .sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
  }
}

/// Counts scalars up to positions in bytes, quickly where these rise.
private struct ScalarPositions {
  private let bytes: [UInt8]
  private var position = 0, count = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func scalars(_ range: Range<Int>) -> Range<Int> {
    let start = scalars(range.lowerBound)
    return start..<scalars(range.upperBound)
  }

  private mutating func scalars(_ end: Int) -> Int {
    if end >= position {
      count += Text.scalarCount(bytes[position..<end])
    } else if end < position / 2 {
      count = Text.scalarCount(bytes[..<end])
    } else {
      count -= Text.scalarCount(bytes[end..<position])
    }
    position = end
    return count
  }
}
