// SPDX-License-Identifier: Apache-2.0
import Files
import Jinja
import Testing

/// Against Jinja itself as transformers sets it up: Tests/Fixtures/jinja/make.py.
@Suite struct ExpressionTests {
  @Test func textIsThatOfJinja() throws {
    let fixture = try JSONReader(file: fixtures + "/expressions.json")
    guard case .object(let values) = try fixture.at("values").value else { throw Missing() }
    let cases = try fixture.at("cases").elements()
    for item in cases {
      let parts = try item.elements(), jinja = try parts[0].string()
      let expected: String? = if case .string(let text) = parts[1].value { text } else { nil }
      // By bytes, since `String` calls texts equal that are not the same.
      let found = Result { () throws(InputError) in try JinjaTemplate(jinja).render(messages: [], extra: values).text }
      #expect(((try? found.get()).map { Array($0.utf8) }) == expected.map { Array($0.utf8) }, "\(jinja) → \(found)")
    }
    #expect(cases.count > 700)
  }
}

struct Missing: Error {}
