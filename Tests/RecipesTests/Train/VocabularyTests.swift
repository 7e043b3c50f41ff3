// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import TokenData
import TokenModels
import Torch
import TorchNN
import Testing

/// Tokens that the tokenizer has and the model has no embedding for, and weights that are no numbers.
@Suite struct VocabularyTests {
  /// A model whose tokenizer got a token `<extra>` more than it has embeddings.
  private func grown() throws -> TinyRun {
    let tiny = try TinyRun(data: TinyRun.sums(3) + "{\"prompt\": \"1 <extra> 1 = \", \"completion\": \"2\"}\n")
    let path = tiny.folder + "/model/tokenizer.json"
    let rows = try JSONReader(file: tiny.folder + "/model/config.json").int(at: "vocab_size")
    guard case .object(var object) = try JSONReader(file: path).value, case .array(let tokens)? = object["added_tokens"]
    else { throw CancellationError() }
    object["added_tokens"] = .array(
      tokens + [
        [
          "id": .int(rows), "content": "<extra>", "special": true, "single_word": false, "lstrip": false,
          "rstrip": false, "normalized": false,
        ]
      ])
    try AtomicFile.write(.object(object), to: path)
    return tiny
  }

  @Test func recordsWithTheirTokensAreNamed() throws {
    let tiny = try grown()
    func refusal(_ body: () throws -> Void) -> String {
      #expect(throws: InputError.self, performing: body)?.description ?? "none"
    }
    let choice = try ModelChoice(tiny.folder + "/run.yaml"), line = "{\"prompt\": \"<extra> \", \"completion\": \"2\"}"
    func stream(_ task: LineStream.Task) throws {
      var rest = [[line]][...]
      try LineStream(choice, task).run(source: "<test>", next: { _ in rest.popFirst() }, write: { _ in })
    }
    for text in [
      refusal { _ = try tiny.train().run() }, refusal { _ = try Inspection(tiny.artifacts(), terminal: quiet) },
      refusal { try stream(.score) }, refusal { try stream(.generate) },
    ] {
      #expect(text.contains("(\"<extra>\")"), "\(text)")
      #expect(text.contains("resize_token_embeddings"), "\(text)")
      #expect(["train.jsonl: line 4", "<test> line 1", "<test>: line 1"].contains { text.contains($0) }, "\(text)")
    }
  }

  @Test func candidatesAreNamed() throws {
    let tiny = try grown()
    let error = #expect(throws: InputError.self) {
      try tiny.artifacts(
        "metrics=[{ name: m, tokens: { labels: [\"<extra>\", \"7\"] }, distance: discrete, temperature: 1 }]")
    }
    #expect(error?.place == "key metrics[0].tokens")
    #expect(error?.found.contains("<extra>") == true)
  }

  @Test func weightsThatAreNoNumbersAreNamed() throws {
    let tiny = try TinyRun(), folder = tiny.folder + "/model"
    let model = try loadModel(folder: folder, options: LoadOptions(copying: true))
    let key = "model.layers.1.mlp.down_proj.weight"
    let weight = try #require(model.parameters().first { $0.key == key }).tensor
    noGrad { weight.select(0, 0).copy_(.full([weight.size(1)], .nan)) }
    try model.save(to: tiny.folder + "/nan", tokenizer: folder)
    let choice = try ModelChoice(tiny.folder + "/nan")
    let refused = #expect(throws: InputError.self) {
      try exportModel(choice, to: tiny.folder + "/exported", dtype: .float32, replacing: false)
    }
    #expect(refused?.place.contains(key) == true)
    #expect(!fileExists(tiny.folder + "/exported"))
    var rest = [["{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}"]][...]
    let stream = try LineStream(choice, .score)
    let error = #expect(throws: InputError.self) {
      try stream.run(source: "<test>", next: { _ in rest.popFirst() }, write: { _ in })
    }
    #expect(error?.path == "<test> line 1")
    #expect(error?.remedy.contains("NaN") == true)
  }

  /// 1e30 is a number in float32 and none in float16.
  @Test func weightsThatFewerBitsCannotHoldAreNamed() throws {
    let tiny = try TinyRun(), folder = tiny.folder + "/model"
    let model = try loadModel(folder: folder, options: LoadOptions(copying: true))
    noGrad { model.parameters()[0].tensor.select(0, 0).fill_(1e30) }
    try model.save(to: tiny.folder + "/large", tokenizer: folder)
    let choice = try ModelChoice(tiny.folder + "/large")
    for (type, isRefused) in [(ExportType.float16, true), (.bfloat16, false), (.float32, false)] {
      let result = Result {
        try exportModel(choice, to: tiny.folder + "/\(type)", dtype: type, replacing: false)
      }
      #expect((try? result.get()) == nil ? isRefused : !isRefused, "\(type)")
    }
  }
}
