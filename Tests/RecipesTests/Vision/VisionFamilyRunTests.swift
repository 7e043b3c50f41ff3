// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN

/// What run tests of single families ask; those of all are in ``VisionRunTests``.
@Suite struct VisionFamilyRunTests {
  /// The language model says of texts what it said; the token is new, and so are its rows.
  @Test func newModelKeepsItsLanguage() throws {
    let run = try VisionRun(.llava).run, small = NewVisionModel.tiny
    let old = try loadModel(folder: run.folder + "/model")
    let new = try #require(try loadModel(folder: run.folder + "/llava") as? Llava)
    #expect(new.tokensPerImage == 4)
    #expect(new.imageToken == old.vocabularySize)
    #expect(new.vocabularySize % 64 == 0)
    let ids = Tensor([1, 50, 60, 70] as [Int64], shape: [1, 4])
    let (before, after) = noGrad { (old.logits(ids), new.logits(ids)) }
    let difference = (before - after.narrow(-1, 0, old.vocabularySize)).abs().max().item()
    #expect(difference < 1e-5)
    let mean = before.mean(-1, keepDim: true)
    #expect((after.narrow(-1, old.vocabularySize, 1) - mean).abs().max().item() < 1e-4)
    let processor = try JSONReader(file: run.folder + "/llava/processor_config.json")
    #expect(try processor.int(at: "patch_size") == 8)
    let tokenizer = try Tokenizer(folder: run.folder + "/llava")
    #expect(tokenizer.ids(of: "a<image>b").contains(Int32(new.imageToken)))
    // The same seed makes the same model; a folder that is there is not touched.
    try small.write(language: run.folder + "/model", to: run.folder + "/again")
    let weights = try [run.bytes("llava/model.safetensors"), run.bytes("again/model.safetensors")]
    #expect(weights[0] == weights[1])
    #expect { try small.write(language: run.folder + "/model", to: run.folder + "/llava") } throws: {
      "\($0)".contains("llava")
    }
  }

  @Test func imagesThatCannotBeReadAreNamed() throws {
    let seeing = try VisionRun(.llava), run = seeing.run
    func refusal(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "nothing"
      } catch { return "\(error)" }
    }
    // Cut off: found when the image is needed.
    let path = run.folder + "/images/5.png", whole = try run.bytes("images/5.png")
    try whole.prefix(whole.count / 2).write(to: URL(filePath: path))
    let cut = refusal { _ = try run.train().run() }
    #expect(cut.contains("5.png"), "\(cut)")
    #expect(cut.contains("train.jsonl line 6"), "\(cut)")
    let asked = refusal {
      _ = try seeing.generate(seeing.model, [#"{"prompt": "<image>", "images": ["5.png"]}"#])
    }
    #expect(asked.contains("5.png"), "\(asked)")
    #expect(asked.contains("questions.jsonl line 1"), "\(asked)")
    try FileManager.default.removeItem(atPath: path)
    let gone = refusal { _ = try run.train().run() }
    #expect(gone.contains("train.jsonl"), "\(gone)")
    #expect(gone.contains("line 6"), "\(gone)")
    #expect(gone.contains("5.png"), "\(gone)")
    // A model that reads text alone.
    let blind = refusal { _ = try run.train("model=\"\(run.folder)/model\"").run() }
    #expect(blind.contains("text alone"), "\(blind)")
    #expect(blind.contains("line 1"), "\(blind)")
  }

  @Test func coordinatesOfPaliGemmaAreMetric() throws {
    let run = try VisionRun(.paliGemma).run
    let example = try run.artifacts().dataset(run.folder + "/train.jsonl").example(0)
    #expect(example.metrics.map(\.candidate) == [100, 200, 300, 400])
    let train = try run.train()
    _ = try train.run()
    let choice = try ModelChoice(train.folder.path)
    let evaluated = try Evaluating(
      choice.artifacts, choice.load(), choice.artifacts.dataset(run.folder + "/train.jsonl"))
    #expect(try #require(evaluated.summary[.iou]) > 0.95)
  }

  /// Several images of a line of LLaVA-OneVision are one view each; videos are refused.
  @Test func severalImagesOfLlavaOnevisionAreViews() throws {
    let seeing = try VisionRun(.llavaOnevision), artifacts = try seeing.run.artifacts(), folder = seeing.images
    func example(_ prompt: String, _ images: [String]) throws -> EncodedExample {
      try artifacts.encoder.encode(
        Record(.promptCompletion(prompt, "1"), images: images.map { "\(folder)/\($0).png" }, source: "line"))
    }
    #expect(try example("Where?", ["0", "2"]).images.map(\.count) == [17, 17])
    #expect(try example("Where?", ["2"]).images[0].count > 17)
    #expect { _ = try example("<video>Where?", []) } throws: { "\($0)".contains("<video>") }
    // What processor_config.json says must be what config.json says.
    let path = seeing.model + "/processor_config.json"
    let own = try JSONReader(file: path).value
    try AtomicFile.write(own.replacing("vision_aspect_ratio", with: "anyres_max_4"), to: path)
    #expect { _ = try seeing.run.artifacts() } throws: { "\($0)".contains("vision_aspect_ratio") }
  }

  /// As the template writes an image that is a part of a message: nothing between it and the mark of the speaker.
  @Test func templateOfSmolVLMHasTheImageFirst() throws {
    let run = try VisionRun(.smolVLM).run, artifacts = try run.artifacts()
    let example = try artifacts.dataset(run.folder + "/train.jsonl").example(0)
    let text = artifacts.tokenizer.decode(example.ids, skipSpecialTokens: false)
    #expect(text.hasPrefix("<|im_start|>User:<fake_token_around_image><row_1_col_1><image>"), "\(text)")
    #expect(
      text.contains("<fake_token_around_image>Where?<end_of_utterance>\nAssistant: 1<end_of_utterance>"), "\(text)")
  }
}
