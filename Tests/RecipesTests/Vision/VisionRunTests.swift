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
import Training

/// A tiny vision-language model of our own, from its making to its answers.
@Suite struct VisionRunTests {
  private let run: TinyRun

  /// Dark and bright images, whose number is told: nothing but the image says which.
  init() throws {
    let lines = (0..<8).map { index in
      #"{"id": "image \#(index)", "prompt": "<image>n = ", "completion": "\#(index % 2 == 0 ? 1 : 8)", "images": "#
        + "[\"images/\(index).png\"]}\n"
    }
    run = try TinyRun(
      data: lines.joined(),
      yaml: """
        model: vlm
        data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl }
        metrics: [{ name: n, tokens: digits, temperature: 0.3, contrast: { radius: 1, passes: 2 } }]
        train: { steps: 40, batch: 4, learningRate: 0.01, validateEvery: 20, checkpointEvery: 20, samples: 1, packing: 64 }
        evaluate: { maxNewTokens: 4 }
        """)
    try makeFolders(run.folder + "/images")
    for index in 0..<8 {
      let level = UInt8(index % 2 == 0 ? index * 5 : 255 - index * 5)
      let bytes = [UInt8](repeating: level, count: 20 * (12 + index) * 3)
      try PixelImage(width: 20, height: 12 + index, channels: 3, bytes: bytes)
        .writePNG(to: run.folder + "/images/\(index).png")
    }
    try small.write(language: run.folder + "/model", to: run.folder + "/vlm")
  }

  private var small: NewVisionModel {
    NewVisionModel(
      vision: VisionConfiguration(
        hiddenSize: 16, intermediateSize: 32, layers: 2, heads: 2, imageSize: 16, patchSize: 8), seed: 3)
  }

  private func generate(_ name: String, _ lines: [String], folder: String) throws -> [String] {
    let stream = try LineStream(ModelChoice(name), .generate, folder: folder) { $0.options.maxNewTokens = 2 }
    var rest = [lines][...], answers = [String]()
    try stream.run(source: "questions.jsonl", next: { _ in rest.popFirst() }) { answers.append($0) }
    return answers
  }

  /// The language model says of texts what it said; the token is new, and so are its rows.
  @Test func newModelKeepsItsLanguage() throws {
    let old = try loadModel(folder: run.folder + "/model")
    let new = try #require(try loadModel(folder: run.folder + "/vlm") as? Llava)
    #expect(new.tokensPerImage == 4)
    #expect(new.imageToken == old.vocabularySize)
    #expect(new.vocabularySize % 64 == 0)
    let ids = Tensor([1, 50, 60, 70] as [Int64], shape: [1, 4])
    let (before, after) = noGrad { (old.logits(ids), new.logits(ids)) }
    let difference = (before - after.narrow(-1, 0, old.vocabularySize)).abs().max().item()
    #expect(difference < 1e-5)
    let mean = before.mean(-1, keepDim: true)
    #expect((after.narrow(-1, old.vocabularySize, 1) - mean).abs().max().item() < 1e-4)
    let processor = try JSONReader(file: run.folder + "/vlm/processor_config.json")
    #expect(try processor.int(at: "patch_size") == 8)
    let tokenizer = try Tokenizer(folder: run.folder + "/vlm")
    #expect(tokenizer.ids(of: "a<image>b").contains(Int32(new.imageToken)))
    // The same seed makes the same model; a folder that is there is not touched.
    try small.write(language: run.folder + "/model", to: run.folder + "/again")
    let weights = try [run.bytes("vlm/model.safetensors"), run.bytes("again/model.safetensors")]
    #expect(weights[0] == weights[1])
    #expect { try small.write(language: run.folder + "/model", to: run.folder + "/vlm") } throws: {
      "\($0)".contains("vlm")
    }
  }

  @Test func trainsOnImagesAndAnswers() throws {
    let train = try run.train()
    let finish = try train.run()
    #expect(finish.step == 40)
    #expect(try #require(finish.best).loss < 0.3)
    // A checkpoint is a folder of its own, images' preparation included.
    let checkpoint = train.chosenCheckpoint(finish)
    for name in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
      #expect(fileExists(checkpoint + "/" + name))
    }
    let asked = (0..<8).map { #"{"prompt": "<image>n = ", "images": ["\#($0).png"]}"# }
    let answers = try generate(train.folder.path, asked, folder: run.folder + "/images")
    for (index, answer) in answers.enumerated() {
      #expect(answer.contains(#""completion":"\#(index % 2 == 0 ? 1 : 8)"#), "\(answer)")
    }
    let choice = try ModelChoice(train.folder.path)
    let evaluated = try Evaluating(
      choice.artifacts, choice.load(), choice.artifacts.dataset(run.folder + "/train.jsonl"))
    #expect(evaluated.summary[.mae] == 0)
    // The distribution read out after an image is that of the image.
    let scores = try LineStream(choice, .score, folder: run.folder)
    let text = try String(contentsOfFile: run.folder + "/train.jsonl", encoding: .utf8)
    var waiting = [text.split(separator: "\n").map(String.init)][...], means = [Double]()
    try scores.run(source: "train.jsonl", next: { _ in waiting.popFirst() }) { line in
      means.append(try JSONReader(JSON(parsing: line, path: ""), path: "").double(at: "mean"))
    }
    #expect(means.count == 8)
    #expect(zip(means, 0...).allSatisfy { abs($0 - ($1 % 2 == 0 ? 1 : 8)) < 1.5 })
  }

  /// One after another, together, and with a text that shows nothing among them: the same answers.
  @Test func companyDoesNotChangeAnswers() throws {
    var asked = (0..<8).map { #"{"id": "\#($0)", "prompt": "n <image> = ", "images": ["\#($0).png"]}"# }
    asked.append(#"{"id": "text", "prompt": "3 + 4 = "}"#)
    asked.append(#"{"id": "two", "prompt": "n <image><image> = ", "images": ["0.png", "1.png"]}"#)
    let folder = run.folder + "/images"
    let together = try generate(run.folder + "/vlm", asked, folder: folder)
    let alone = try asked.flatMap { try generate(run.folder + "/vlm", [$0], folder: folder) }
    #expect(together == alone)
    #expect(Set(together).count == 10)
  }

  /// However a step is laid out, its loss is the same.
  @Test func layoutDoesNotChangeTheLoss() throws {
    func loss(_ override: String) throws -> Double {
      let output = "output=\"\(run.folder)/\(UUID().uuidString)\""
      let train = try run.train("train.steps=1", "train.samples=0", output, override)
      train.keepsCheckpoints = false
      var loss = Double.nan
      train.observe = { event in if case .step(let step) = event { loss = step.loss } }
      _ = try train.run()
      return loss
    }
    let packed = try loss("train.packing=64"), padded = try loss("train.packing=0")
    let single = try loss("train.microBatch=1"), recomputed = try loss("train.checkpointActivations=true")
    #expect(abs(packed - recomputed) < 1e-5)
    #expect(abs(packed - padded) < 1e-5, "\(packed), \(padded), \(single)")
    #expect(abs(packed - single) < 1e-5, "\(packed), \(padded), \(single)")
  }

  /// A tower that is kept as it is, and adapters in tower and decoder: both learn, and answer from their checkpoints.
  @Test(arguments: [
    "train.freeze=[\"vision_tower.*\"]", "train.lora={ rank: 4, alpha: 16, targets: [q_proj, v_proj, linear_2, fc2] }",
  ])
  func partsCanBeTrained(override: String) throws {
    let train = try run.train(override, "train.samples=0")
    let finish = try train.run()
    let first = try #require(finish.losses.first), last = try #require(finish.losses.last)
    #expect(last < first)
    let asked = (0..<2).map { #"{"prompt": "<image>n = ", "images": ["\#($0).png"]}"# }
    let answers = try generate(train.folder.path, asked, folder: run.folder + "/images")
    let scored = try ModelChoice(train.folder.path)
    #expect(answers.count == 2)
    #expect(scored.checkpoint != nil)
    let model = try scored.load(), parameters = model.parameters().map(\.key)
    let hasAdapters = parameters.contains { $0.hasPrefix("vision_tower.") && $0.hasSuffix("lora_A.weight") }
    #expect(hasAdapters == override.contains("lora"))
  }

  @Test func imagesThatCannotBeReadAreNamed() throws {
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
      _ = try generate(
        run.folder + "/vlm", [#"{"prompt": "<image>", "images": ["5.png"]}"#], folder: run.folder + "/images")
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
}
