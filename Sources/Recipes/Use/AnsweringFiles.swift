// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

extension RunArtifacts {
  /// Writes into a folder with the tokenizer how the model was asked and what ends its answers, so that transformers,
  /// vLLM and this library ask it the same way and stop there: the template that the run file names, and the end tokens
  /// in `generation_config.json`.
  ///
  /// - Throws: `InputError` if a file there is malformed or cannot be written.
  public func saveAnswering(to folder: String) throws {
    // A head of scores answers nothing, but reads what the template wrote.
    if let template = settings.data.template.flatMap(ChatTemplate.init(named:)),
      encoder.folderTemplate != .known(template)
    {
      try write(template.jinja(TemplateTokens(tokenizer)), to: folder)
    }
    guard rating == nil, !encoder.ends.ids.isEmpty else { return }
    try edit(folder + "/generation_config.json") { object in
      let ids = encoder.ends.ids.map { JSON.int(Int($0)) }
      object["eos_token_id"] = ids.count == 1 ? ids[0] : .array(ids)
    }
  }

  /// As the file that newer programs read first, and wherever the folder had another template.
  private func write(_ jinja: String, to folder: String) throws {
    try AtomicFile.write(jinja.utf8, to: folder + "/chat_template.jinja")
    for name in ["tokenizer_config.json", "chat_template.json"] where fileExists("\(folder)/\(name)") {
      guard try JSONReader(file: "\(folder)/\(name)").ifPresent("chat_template") != nil else { continue }
      try edit("\(folder)/\(name)") { $0["chat_template"] = .string(jinja) }
    }
  }

  private func edit(_ path: String, _ change: (inout JSONObject) -> Void) throws {
    var object = JSONObject()
    if fileExists(path) { object = try JSONReader(file: path).object() }
    change(&object)
    try AtomicFile.write((JSON.object(object).text(pretty: true) + "\n").utf8, to: path)
  }
}
