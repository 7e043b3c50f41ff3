// SPDX-License-Identifier: Apache-2.0
import Files
import Jinja
import Testing

/// A template ends within its limits, whatever it says.
@Suite struct LimitTests {
  private func failure(_ jinja: String, _ change: (inout JinjaLimits) -> Void = { _ in }) -> InputError? {
    var limits = JinjaLimits()
    limits.steps = 300_000
    change(&limits)
    do throws(InputError) {
      _ = try JinjaTemplate(jinja).render(messages: [["role": "user", "content": "hi"]], limits: limits)
      return nil
    } catch { return error }
  }

  private static let grow = "{% set n = namespace(s=[1], t='a') %}{% for i in range(100000) %}"

  @Test(arguments: [
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "{% for i in range(100000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
    "{{ 'a' * 1000000000000 }}", "{{ 9223372036854775807 * 'ab' }}", "{{ [0] * 1000000000000 }}",
    grow + "{% set n.t = n.t + n.t %}{% endfor %}", grow + "{% set n.t = n.t ~ n.t %}{% endfor %}",
    grow + "{% set n.s = n.s + n.s %}{% endfor %}", grow + "{% set n.s = n.s + [i] %}{% endfor %}",
    grow + "{% set n.t = n.t|replace('a', 'aa') %}{% endfor %}", grow + "{% set n.t = [n.t, n.t]|join %}{% endfor %}",
    grow + "{% set n.t = n.t|tojson %}{% endfor %}", grow + "{% set n.t = '%s%s' % (n.t, n.t) %}{% endfor %}",
    "{{ 'a'|center(1000000000000) }}", "{{ 'a'.ljust(9223372036854775807) }}", "{{ ('a\n' * 100000)|indent(1000) }}",
    "{{ ([[1]] * 10000)|tojson(indent=1000) }}", "{{ ('a' * 10000)|replace('', 'b' * 10000) }}",
    "{% set a = 'a' * 100000 %}{{ ('a' * 50000 ~ 'b') in a }}{{ ('a' * 50000 ~ 'b') in a }}",
    "{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
    "{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s|tojson }}",
    "{% set n = namespace(s=[1], t=[1]) %}{% for i in range(100) %}{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}"
      + "{% endfor %}{{ n.s == n.t }}",
    "{% set l = range(10000)|list %}{% for i in l %}{% if -1 in l %}{% endif %}{% endfor %}",
    "{{ (range(100000)|list * 2)|sort }}", "{{ 1|slice(100000000)|list }}{{ [1]|slice(100000000)|list }}",
    "{{ [1]|batch(100000000, 'x')|list }}",
  ])
  func workIsBounded(_ jinja: String) throws {
    let error = try #require(failure(jinja))
    #expect(error.found == "more" || error.found == "int 1", "\(error)")
  }

  @Test func depthIsBounded() throws {
    for jinja in [
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      Self.grow + "{% set n.s = [n.s] %}{% endfor %}", Self.grow + "{% set n.s = (n.s,) %}{% endfor %}",
      Self.grow + "{% set n.s = {1: n.s} %}{% endfor %}", Self.grow + "{% set n.s = [n.s].count %}{% endfor %}",
      Self.grow + "{% set n.s = [n.s]|map('list') %}{% endfor %}", "{% set n = namespace() %}{% set n.s = n %}{{ n }}",
    ] {
      let error = try #require(failure(jinja) { $0.steps = 20_000_000 }, "\(jinja)")
      #expect(error.expected.contains("deep"), "\(error)")
    }
    for (open, close) in [
      ("(", ")"), ("[", "]"), ("-", ""), ("{1: ", "}"), ("1 if 1 else ", ""), ("x[", "]"), ("f(", ")"),
    ] {
      let jinja = "{{ " + String(repeating: open, count: 10_000) + "1" + String(repeating: close, count: 10_000) + " }}"
      #expect(failure(jinja)?.expected.contains("inside one another") == true, "\(open)")
    }
    #expect(failure(String(repeating: "{% if 1 %}", count: 10_000))?.expected.contains("inside one another") == true)
  }

  /// What Swift would free one inside another, and fall from the stack over.
  @Test func chainsOfObjectsAreFreed() {
    let start = "{% set n = namespace(s=1) %}{% for i in range(50000) %}"
    for jinja in [
      start + "{% set n.s = namespace(s=n.s) %}{% endfor %}",
      start + "{% for x in [n.s] %}{% set n.s = loop %}{% endfor %}{% endfor %}",
      "{% macro o(p) %}{% macro i() %}{{ p }}{% endmacro %}{% set n.s = i %}{% endmacro %}" + start
        + "{% set _ = o(n.s) %}{% endfor %}",
    ] { #expect(failure(jinja) { $0.steps = 20_000_000 } == nil) }
  }

  @Test func sizesAreBounded() {
    #expect(failure("{{ 'aaaa' }}") { $0.output = 3 }?.expected == "at most 3 bytes of text")
    #expect(throws: InputError.self) { try JinjaTemplate(String(repeating: "a", count: JinjaLimits.source + 1)) }
    #expect(failure("{{ range(100001) }}") != nil)
    #expect(failure("{{ '%99999d' % 1 }}") != nil)
    #expect(failure("{{ strftime_now('%c' * 1000) }}") != nil)
  }

  /// Long chains of operators are no depth.
  @Test func longTemplatesAreRead() {
    for jinja in [
      "{{ 1" + String(repeating: "+1", count: 10_000) + " }}",
      "{{ 1" + String(repeating: "|string", count: 10_000) + " }}",
      "{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 10_000) + "{% endif %}",
      "{{ 1" + String(repeating: " and 1", count: 10_000) + " }}",
      "{{ " + String(repeating: "not ", count: 10_000) + "1 }}",
    ] { #expect(failure(jinja) == nil) }
  }

  @Test(arguments: [
    ("a\n{% if x %}\n", "line 2: expected {% endif %}, found the end of the template."),
    ("\n\n{{ x.y }}", "line 3: expected a value with \"y\", found 'x' is undefined."),
    ("{{ messages[0].x.y }}", "line 1: expected a value with \"y\", found 'dict object' has no attribute 'x'."),
    ("{{ 1 +\n 'a' }}", "line 1: expected values that + takes, found int 1 + str 'a'."),
    (
      "\n{{ raise_exception('roles must alternate') }}",
      "line 2: expected a conversation that the template takes, found \"roles must alternate\"."
    ),
    ("{% for x in 5 %}{% endfor %}", "line 1: expected values to go through, found int 5."),
    ("{{ 'a'|nofilter }}", "line 1: expected a filter, found \"nofilter\"."),
    ("{{ 'a }}", "line 1: expected a closing quote, found the end of the template."),
    ("{% include 'x' %}", "line 1: expected a template that is whole in itself, found {% include %}."),
    (
      "{% macro f(a) %}\n\n{{ a.b.c }}{% endmacro %}{{ f({}) }}",
      "line 3: expected a value with \"c\", found 'dict object' has no attribute 'b'."
    ),
  ])
  func errorsSayWhere(_ jinja: String, _ expected: String) {
    #expect(failure(jinja)?.description == "<chat template>: " + expected)
  }
}
