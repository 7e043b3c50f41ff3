import Jinja
import Testing

@Suite struct JinjaTemplateTests {
  @Test func text() throws {
    #expect(try JinjaTemplate("a{{ 1 + 2 }}").render(messages: []).text == "a3")
  }
}
