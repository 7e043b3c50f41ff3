// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// Errors name the file and line, what is at fault there, and what helps.
@Suite struct NamedFaultsTests {
  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch { return "\(error)" }
  }

  @Test func whatIsTooLongIsSaid() throws {
    let tiny = try TinyRun(data: "{\"prompt\": \"This prompt goes on and on: 1 + 1 = \", \"completion\": \"2\"}\n")
    func message(_ tooLong: String) -> String {
      refusal {
        _ = try tiny.artifacts("data.maxLength=6", "data.tooLong=\(tooLong)").dataset(tiny.folder + "/train.jsonl")
      }
    }
    #expect(message("cutAnswer").contains("line 1: expected at most 6 tokens"))
    #expect(message("cutAnswer").contains("Too much of it is prompt"))
    #expect(message("error").contains("of them are prompt"))
  }

  @Test func aLineThatIsTooLongForTheModelIsNamed() throws {
    let tiny = try TinyRun(), choice = try ModelChoice(tiny.folder + "/run.yaml")
    let long = String(repeating: "1 + 1 = ", count: 20_000)
    var lines = ["{\"prompt\": \"1 + 1 = \"}", "{\"prompt\": \"\(long)\"}"][...]
    let error = #expect(throws: InputError.self) {
      try LineStream(choice, .generate).run(source: "<test>", next: { _ in lines.popFirst().map { [$0] } }) { _ in }
    }
    #expect(error?.path == "<test>")
    #expect(error?.place == "line 2")
    #expect(error?.remedy.contains("Shorten the prompt") == true)
  }

  @Test func foldersThatAreNoModels() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "no-model-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func put(_ name: String, _ text: String = "{}") throws {
      let path = URL(fileURLWithPath: folder + "/" + name)
      try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: path, atomically: true, encoding: .utf8)
    }
    try put("adapter/adapter_config.json", "{\"base_model_name_or_path\": \"org/base\"}")
    try put("trainer/checkpoint-90/config.json")
    try put("trainer/checkpoint-100/config.json")
    try put("pickled/pytorch_model.bin")
    let adapter = refusal { _ = try modelFolder(folder + "/adapter") }
    #expect(adapter.contains("an adapter (adapter_config.json) of org/base"))
    #expect(adapter.contains("dist2 export \(folder)/adapter -o FOLDER"))
    // Nor can it be used where its model is not.
    let missing = refusal { _ = try ModelChoice(folder + "/adapter") }
    #expect(missing.contains("adapter_config.json: key base_model_name_or_path"), "\(missing)")
    #expect(missing.contains("org/base") && missing.contains("hf download org/base"), "\(missing)")
    try put("nameless/adapter_config.json", "{\"base_model_name_or_path\": null}")
    #expect(refusal { _ = try ModelChoice(folder + "/nameless") }.contains("key base_model_name_or_path"))
    #expect(
      refusal { _ = try modelFolder(folder + "/trainer") }.contains(
        "Name one of them: \(folder)/trainer/checkpoint-100."))
    #expect(refusal { _ = try modelFolder(folder + "/pickled") }.contains("pickle"))
  }
}
