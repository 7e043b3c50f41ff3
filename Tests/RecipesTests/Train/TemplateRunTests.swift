// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import Testing
import TokenData

/// Runs whose run file names a chat template, from a base model whose end token is another than the template's.
@Suite struct TemplateRunTests {
  private static let data = (0..<6).map {
    "{\"messages\": [{\"role\": \"user\", \"content\": \"hi \($0)\"}, {\"role\": \"assistant\", \"content\": \"\($0)\"}]}\n"
  }.joined()

  /// A base model: its end is `<|endoftext|>` (0), it has no template.
  private func baseRun(template: String?) throws -> TinyRun {
    let name = template.map { ", template: \($0)" } ?? ""
    let tiny = try TinyRun(
      data: Self.data,
      yaml: """
        model: model
        data: { train: train.jsonl\(name) }
        metrics: [{ name: y, tokens: digits, temperature: 2 }]
        train: { steps: 2, batch: 2, samples: 1 }
        evaluate: { maxNewTokens: 3 }
        """)
    let model = tiny.folder + "/model"
    for file in ["tokenizer_config.json", "generation_config.json", "config.json"] {
      var object = JSONObject()
      for (key, value) in try JSONReader(file: "\(model)/\(file)").object().members where key != "chat_template" {
        object[key] = key == "eos_token_id" ? 0 : key == "eos_token" ? "<|endoftext|>" : value
      }
      if file == "tokenizer_config.json", template == "phi3" { object["chat_template"] = "{{ messages }}" }
      try JSON.object(object).text().write(toFile: "\(model)/\(file)", atomically: true, encoding: .utf8)
    }
    return tiny
  }

  @Test func answersEndByTheTemplatesMark() throws {
    let tiny = try baseRun(template: "chatml"), artifacts = try tiny.artifacts()
    #expect(Answering(artifacts).options.stopIDs == [0, 2])
    // What it learns ends so, too.
    let example = try artifacts.dataset(tiny.folder + "/train.jsonl").example(0)
    #expect(example.ids.last == artifacts.tokenizer.ids(of: "\n").first)
    #expect(example.ids.dropLast().last == 2)
    #expect(example.supervised.dropLast().last == true)
    #expect(example.supervised.last == false)
  }

  @Test func folderSaysHowTheModelIsAskedAndWhatEndsItsAnswers() throws {
    let tiny = try baseRun(template: "chatml")
    _ = try tiny.train().run()
    let choice = try ModelChoice(tiny.folder + "/out"), out = tiny.folder + "/exported"
    _ = try exportModel(choice, to: out, dtype: .float32, replacing: false)
    for folder in [out, try #require(choice.checkpoint)] {
      let text = try String(contentsOfFile: folder + "/chat_template.jinja", encoding: .utf8)
      #expect(text == ChatTemplate.chatml.jinja())
      #expect(try JSONReader(file: folder + "/generation_config.json").value["eos_token_id"] == [2, 0])
      // This library reads it back: conversations need no run file.
      let artifacts = try ModelChoice(folder).artifacts
      #expect(artifacts.encoder.template == .chatml)
      #expect(Set(artifacts.encoder.ends.ids) == [0, 2])
    }
  }

  /// The folder's own template is not overwritten by the same; another one is, wherever it stands.
  @Test func onlyAnotherTemplateIsReplaced() throws {
    let same = try TinyRun(data: Self.data), copy = same.folder + "/copy"
    try ChatTemplate.smollm2.jinja().write(
      toFile: same.folder + "/model/chat_template.jinja", atomically: true, encoding: .utf8)
    let own = try artifacts(same, "smollm2")
    try FileManager.default.copyItem(atPath: same.folder + "/model", toPath: copy)
    try own.saveAnswering(to: copy)
    #expect(try ChatTemplate(folder: copy) == .smollm2)
    #expect(
      try JSONReader(file: copy + "/tokenizer_config.json").ifPresent("chat_template")?.string().contains("im_start")
        == false)
    let other = try baseRun(template: "phi3"), folder = other.folder + "/copy"
    try FileManager.default.copyItem(atPath: other.folder + "/model", toPath: folder)
    try other.artifacts().saveAnswering(to: folder)
    let jinja = ChatTemplate.phi3.jinja(TemplateTokens(begin: "<|im_start|>", end: "<|endoftext|>"))
    #expect(try JSONReader(file: folder + "/tokenizer_config.json").value["chat_template"] == .string(jinja))
    #expect(try ChatTemplate(folder: folder) == .phi3)
    #expect(try JSONReader(file: folder + "/generation_config.json").value["eos_token_id"] == 0)
  }

  private func artifacts(_ tiny: TinyRun, _ template: String) throws -> RunArtifacts {
    try tiny.artifacts("data.template=\(template)")
  }

  @Test func marksThatAreNoTokensAreSaidBeforeTrainingAndByInspect() throws {
    let tiny = try baseRun(template: "phi3")
    let warnings = try Inspection(tiny.artifacts(), terminal: quiet).warnings
    #expect(warnings.contains { $0.contains("<|end|>") && $0.contains("no token ends an answer") }, "\(warnings)")
    nonisolated(unsafe) var said = ""
    let terminal = Terminal(
      isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 100, rows: 30) },
      write: { said += $0 })
    _ = try TrainRun(tiny.artifacts(), command: "dist2 train run.yaml", terminal: terminal).run()
    #expect(said.contains("no token ends an answer"), "\(said)")
    let fitting = try baseRun(template: "chatml")
    #expect(try Inspection(fitting.artifacts(), terminal: quiet).warnings.isEmpty)
  }

  @Test func aTemplateThatTheFolderLacksIsRefused() throws {
    let tiny = try baseRun(template: "model")
    let error = #expect(throws: InputError.self) { try tiny.artifacts() }
    #expect(error?.place == "key data.template")
    #expect(error?.remedy.contains("chatml") == true)
  }
}
