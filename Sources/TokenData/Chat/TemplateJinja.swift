// SPDX-License-Identifier: Apache-2.0
/// The Jinja texts of the templates, for folders that other programs read, and for telling which one a folder has.
extension ChatTemplate {
  /// Jinja text that writes, in transformers, vLLM and llama.cpp, what ``render(_:addGenerationPrompt:tokens:)`` writes.
  ///
  /// - Parameter tokens: where the tokenizer names no begin or end of text, its text stands in place of the name.
  public func jinja(_ tokens: TemplateTokens = TemplateTokens()) -> String {
    if case .interpreted(let template) = self { return template.source }
    var text = source
    if tokens.begin == nil { text = text.replacing("bos_token", with: "'\(begin(tokens))'") }
    if tokens.end == nil { text = text.replacing("eos_token", with: "'\(end(tokens))'") }
    return text
  }

  /// The template that a Jinja text is; nil if it is none of those known.
  ///
  /// It is one of them if it writes the same for every conversation of system, user and assistant as far as
  /// `JinjaOutline` can tell: a text that could also write something else is not taken for one it resembles.
  ///
  /// - Parameter today: the day that a template writes which asks for it, `29 Nov 2026`.
  public init?(jinja: String, today: String = ChatTemplate.today()) {
    guard let outline = JinjaOutline(jinja),
      let found = Self.known.first(where: { $0.outline.nodes == outline.nodes })
    else { return nil }
    switch (found.template, outline.date) {
    case (.llama31, .fixed(let date)?): self = .llama31(date: date)
    case (.llama31, .today?): self = .llama31(date: today)
    case (let template, nil): self = template
    default: return nil
    }
  }

  private static let known: [(template: ChatTemplate, outline: JinjaOutline)] =
    (named.map { ($0.template, $0.template.source) } + variants + named.map { ($0.template, $0.template.jinja()) })
    .compactMap { template, text in JinjaOutline(text).map { (template, $0) } }

  /// Other texts that write the same: Llama 3's as trainers and converters have it.
  private static let variants: [(ChatTemplate, String)] = [
    (
      .llama3,
      #"""
      {{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
      """#
    ),
    (
      .llama3,
      #"""
      {% for message in messages %}{% if loop.index0 == 0 %}{{ bos_token }}{% endif %}{% if message['role'] == 'assistant' %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{{ message['content'] | trim + '<|eot_id|>' }}{% else %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
      """#
    ),
  ]

  private var source: String {
    switch self {
    case .chatml:
      #"""
      {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
      """#
    case .smollm2:
      #"""
      {% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n\#(Self.smollm2System)<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
      """#
    case .llama3:
      #"""
      {% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
      """#
    case .llama31(let date):
      #"""
      {{ bos_token }}{% if not date_string is defined %}{% set date_string = '\#(date)' %}{% endif %}{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] | trim %}{% set messages = messages[1:] %}{% else %}{% set system_message = '' %}{% endif %}{{ '<|start_header_id|>system<|end_header_id|>\n\n' }}{{ 'Cutting Knowledge Date: December 2023\n' }}{{ 'Today Date: ' + date_string + '\n\n' }}{{ system_message }}{{ '<|eot_id|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
      """#
    case .phi3: phi3(system: "message['role'] == 'system' and message['content']")
    case .phi3Mini: phi3(system: "message['role'] == 'system'")
    case .phi3Vision:
      #"""
      {% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt and messages[-1]['role'] != 'assistant' %}{{- '<|assistant|>\n' -}}{% endif %}
      """#
    case .interpreted(let template): template.source
    case .llavaV1:
      #"""
      {% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% set system_message = "\#(Self.vicunaSystem)" %}{% endif %}{{ system_message + ' ' }}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}{{ 'USER: ' + message['content'] + ' ' }}{% else %}{{ 'ASSISTANT: ' + message['content'] + eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}
      """#
    }
  }

  private func phi3(system: String) -> String {
    #"""
    {% for message in messages %}{% if \#(system) %}{{ '<|system|>\n' + message['content'] + '<|end|>\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '<|end|>\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + '<|end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}
    """#
  }
}
