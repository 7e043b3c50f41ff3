public import Files

extension ChatTemplate {
  /// The template that a model's folder comes with, from `chat_template.jinja` or `tokenizer_config.json`; nil if the
  /// folder has none.
  ///
  /// - Throws: `InputError` for a file that is malformed, and for a template that is none of those known.
  public init?(folder: String) throws(InputError) {
    let file = folder + "/chat_template.jinja"
    if fileExists(file) {
      let text = String(decoding: try fileBytes(file, limit: 1 << 20), as: UTF8.self)
      try self.init(jinja: text, path: file)
      return
    }
    let configuration = folder + "/tokenizer_config.json"
    guard fileExists(configuration), let json = try JSONReader(file: configuration).ifPresent("chat_template") else {
      return nil
    }
    // Either one template, or a list of named ones of which "default" is for conversations.
    guard case .array = json.value else {
      try self.init(jinja: try json.string(), path: configuration)
      return
    }
    for item in try json.elements() where try item.string(at: "name") == "default" {
      try self.init(jinja: try item.string(at: "template"), path: configuration)
      return
    }
    return nil
  }

  private init(jinja: String, path: String) throws(InputError) {
    guard let known = ChatTemplate(jinja: jinja) else {
      throw InputError(
        path: path, place: "chat_template",
        expected: "a template of " + Self.named.map(\.name).joined(separator: ", "), found: "another",
        remedy: "Name the one to use in the run file.")
    }
    self = known
  }

  /// The template that a Jinja text is, judged by the marks it writes; nil if it is none of those known.
  ///
  /// A text that could also write something else (tools, another system prompt) is not taken for one it resembles.
  public init?(jinja: String) {
    // Templates differ in the spaces between their parts, in quotes, and in how they write a line break.
    var scalars = String.UnicodeScalarView()
    for scalar in jinja.unicodeScalars where !scalar.properties.isWhitespace {
      if scalar == "n", scalars.last == "\\" {
        scalars.removeLast()
      } else {
        scalars.append(scalar == "\"" ? "'" : scalar)
      }
    }
    let text = String(scalars)
    func has(_ parts: String...) -> Bool { parts.allSatisfy { text.contains($0) } }
    if has("'<|im_start|>'+message['role']+''+message['content']+'<|im_end|>'"), !has("tool"), !has("raise_exception") {
      if has("YouareahelpfulAIassistantnamedSmolLM,trainedbyHuggingFace") {
        self = .smollm2
      } else if !has("system") {
        self = .chatml
      } else {
        return nil
      }
    } else if has("<|start_header_id|>", "<|eot_id|>", "message['content']|trim") {
      self = has("CuttingKnowledgeDate:December2023") ? .llama31() : .llama3
    } else if has("'<|user|>'+message['content']+'<|end|>'", "'<|assistant|>'", "eos_token"), !has("bos_token") {
      self = .phi3
    } else if has("'<|'+message['role']+'|>'+''+message['content']+'<|end|>'", "messages[-1]['role']!='assistant'"),
      has("'<|assistant|>'"), !has("bos_token"), !has("eos_token")
    {
      self = .phi3Vision
    } else if has("'USER:'", "'ASSISTANT:'", "Achatbetweenacurioususerandanartificialintelligenceassistant.") {
      self = .llavaV1
    } else {
      return nil
    }
  }
}
