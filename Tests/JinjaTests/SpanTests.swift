// SPDX-License-Identifier: Apache-2.0
import Files
import Jinja
import Testing

/// Which output came from which message.
@Suite struct SpanTests {
  private func render(_ jinja: String, _ messages: [JSON]) throws -> RenderedTemplate {
    try JinjaTemplate(jinja).render(messages: messages)
  }

  /// `message path [range] text ← source`, one for each span.
  private func summary(_ rendered: RenderedTemplate) -> [String] {
    let scalars = Array(rendered.text.unicodeScalars)
    return rendered.spans.map { span in
      let text = String(String.UnicodeScalarView(scalars[span.range]))
      return "\(span.message) \(span.path) \(span.range) \(text) ← " + (span.source.map { "\($0)" } ?? "changed")
    }
  }

  private let messages: [JSON] = [
    ["role": "user", "content": " Grüße 😀 "], ["role": "assistant", "content": "a-b-c"],
  ]

  @Test(arguments: [
    // Copies, parts and joins.
    ("{{ messages[1].content }}", ["1 content 0..<5 a-b-c ← 0..<5"]),
    ("ä{{ messages[0].content|trim }}|", ["0 content 1..<8 Grüße 😀 ← 1..<8"]),
    ("{{ messages[0].content.strip() + '!' }}", ["0 content 0..<7 Grüße 😀 ← 1..<8"]),
    ("{{ '<' ~ messages[1].content ~ '>' }}", ["1 content 1..<6 a-b-c ← 0..<5"]),
    ("{{ messages[1].content[2:4] }}", ["1 content 0..<2 b- ← 2..<4"]),
    ("{{ messages[0].content[-2] }}", ["0 content 0..<1 😀 ← 7..<8"]),
    (
      "{{ messages[1].content[::-1] }}",
      (0..<5).map { "1 content \($0)..<\($0 + 1) \(["c", "-", "b", "-", "a"][$0]) ← \(4 - $0)..<\(5 - $0)" }
    ),
    ("{{ messages[1].content.split('-')[1] }}", ["1 content 0..<1 b ← 2..<3"]),
    (
      "{{ messages[1].content.split('-')|join('-') }}",
      ["1 content 0..<1 a ← 0..<1", "1 content 2..<3 b ← 2..<3", "1 content 4..<5 c ← 4..<5"]
    ),
    (
      "{{ messages[1].content.replace('-', '+') }}",
      ["1 content 0..<1 a ← 0..<1", "1 content 2..<3 b ← 2..<3", "1 content 4..<5 c ← 4..<5"]
    ),
    ("{{ messages[1].content * 2 }}", ["1 content 0..<5 a-b-c ← 0..<5", "1 content 5..<10 a-b-c ← 0..<5"]),
    (
      "{{ '%s.' % messages[1].content }}{{ '{}'.format(messages[1].content) }}",
      ["1 content 0..<5 a-b-c ← 0..<5", "1 content 6..<11 a-b-c ← 0..<5"]
    ),
    ("{% for c in messages[1].content %}{{ c }}{% endfor %}", ["1 content 0..<5 a-b-c ← 0..<5"]),
    ("{{ messages[1].content.partition('-')[2] }}", ["1 content 0..<3 b-c ← 2..<5"]),
    ("{{ messages[1].content.splitlines()[0]|indent(2, true) }}", ["1 content 2..<7 a-b-c ← 0..<5"]),
    // Ways through the template.
    ("{% set x %}[{{ messages[1].content }}]{% endset %}{{ x|trim }}", ["1 content 1..<6 a-b-c ← 0..<5"]),
    ("{% macro m(x) %}({{ x }}){% endmacro %}{{ m(messages[1].content) }}", ["1 content 1..<6 a-b-c ← 0..<5"]),
    (
      "{% set n = namespace(x='') %}{% for m in messages[::-1] %}{% set n.x = n.x + m.content[:1] %}{% endfor %}{{ n.x }}",
      ["1 content 0..<1 a ← 0..<1", "0 content 1..<2   ← 0..<1"]
    ),
    // Changed on the way.
    ("{{ messages[1].content|upper }}", ["1 content 0..<5 A-B-C ← 0..<5"]),
    ("{{ [messages[1].content] }}", ["1 content 2..<7 a-b-c ← 0..<5"]),
    ("{{ messages[1].role }}", ["1 role 0..<9 assistant ← 0..<9"]),
    // Not from a message.
    ("{{ messages|length }}{{ messages[1].content|length }}{{ 'a-b-c' }}", []),
  ])
  func spansAreWhatCameFromMessages(_ jinja: String, _ expected: [String]) throws {
    #expect(summary(try render(jinja, messages)) == expected, "\(jinja)")
  }

  @Test func changesOfLengthHaveNoSource() throws {
    let rendered = try render("{{ messages[0].content|upper }}", [["role": "user", "content": "aßb"]])
    #expect(rendered.text == "ASSB")
    #expect(
      summary(rendered) == ["0 content 0..<1 A ← 0..<1", "0 content 1..<3 SS ← changed", "0 content 3..<4 B ← 2..<3"])
    let json = try render("{{ messages[0].content|tojson }}", [["role": "user", "content": "a\"é"]])
    #expect(
      summary(json) == ["0 content 1..<2 a ← 0..<1", "0 content 2..<4 \\\" ← changed", "0 content 4..<5 é ← 2..<3"])
  }

  @Test func partsAndCallsHavePaths() throws {
    let messages: [JSON] = [
      ["role": "user", "content": [["type": "text", "text": "one"], ["type": "text", "text": "two"]]],
      ["role": "assistant", "content": "", "tool_calls": [["function": ["name": "f", "arguments": ["x": "y"]]]]],
    ]
    let rendered = try render(
      "{% for p in messages[0].content %}{{ p.text }} {% endfor %}{{ messages[1].tool_calls[0].function.arguments.x }}",
      messages)
    #expect(
      summary(rendered) == [
        "0 content[0].text 0..<3 one ← 0..<3", "0 content[1].text 4..<7 two ← 0..<3",
        "1 tool_calls[0].function.arguments.x 8..<9 y ← 0..<1",
      ])
    #expect(rendered.contentSpans.map(\.path) == ["content[0].text", "content[1].text"])
  }

  /// Where a template marks the answers itself, these are the parts of it; transformers counts only what stands outside
  /// of macros and set blocks.
  @Test func generationIsFoundThroughMacros() throws {
    let jinja =
      "{% macro m(x) %}<{% generation %}{{ x }}.{% endgeneration %}>{% endmacro %}"
      + "{% for message in messages %}{{ m(message.content) }}{% endfor %}{% generation %}é{% endgeneration %}"
    let rendered = try render(jinja, [["role": "user", "content": "ü"], ["role": "assistant", "content": "b"]])
    #expect(rendered.text == "<ü.><b.>é")
    #expect(rendered.generationSpans == [1..<3, 5..<7, 8..<9])
  }

  @Test func messagesAreReadAsTransformersDoes() throws {
    let message: JSON = ["role": "assistant", "content": nil, "reasoning": "hm"]
    let jinja = "{{ messages[0].content is defined }} {{ messages[0].thinking }} {{ messages[0].reasoning_content }}"
    #expect(try render(jinja, [message]).text == "False hm hm")
  }
}
