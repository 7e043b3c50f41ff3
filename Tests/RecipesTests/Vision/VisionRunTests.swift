// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData
import TorchNN
import Training

/// Tiny models of every family that sees, from a run file to answers.
@Suite struct VisionRunTests {
  /// The text of an answer's line.
  private func completion(_ line: String) throws -> String {
    try JSONReader(JSON(parsing: line, path: "answer"), path: "answer").string(at: "completion")
      .trimmingCharacters(in: .whitespaces)
  }

  @Test(arguments: VisionFamily.all) func trainsOnImagesAndAnswers(family: VisionFamily) throws {
    let seeing = try VisionRun(family), run = seeing.run
    let dataset = try run.artifacts().dataset(run.folder + "/train.jsonl")
    #expect(Set(try (0..<dataset.count).map { try dataset.example($0).images[0].count }).count >= family.sizes)
    let train = try run.train(), finish = try train.run()
    #expect(finish.step == family.steps)
    // A checkpoint is a folder of its own, images' preparation included.
    let checkpoint = train.chosenCheckpoint(finish)
    for name in ["config.json", "tokenizer.json"] + family.files { #expect(fileExists(checkpoint + "/" + name)) }
    let asked = (0..<8).flatMap { index in
      family.marks.map { #"{"prompt": "\#($0 + family.prompt)", "images": ["\#(index).png"]}"# }
    }
    for (index, answer) in try seeing.generate(train.folder.path, asked).enumerated() {
      // The first coordinate of a box says which.
      let wanted = family.answers[index / family.marks.count % 2].prefix(9)
      #expect(try completion(answer).hasPrefix(wanted), "\(answer)")
    }
    let choice = try ModelChoice(train.folder.path)
    let evaluated = try Evaluating(
      choice.artifacts, choice.load(), choice.artifacts.dataset(run.folder + "/train.jsonl"))
    #expect(try #require(evaluated.summary[.mae]) <= family.error)
    // Training, validation and test read one file here.
    let usual = ["as well", "second time", "answers are"]
    let warnings = try Inspection(choice.artifacts, terminal: quiet).warnings
    #expect(warnings.filter { warning in !usual.contains { warning.contains($0) } }.isEmpty, "\(warnings)")
  }

  /// The distribution read out after an image is that of the image.
  @Test(arguments: VisionFamily.all.filter { $0.answers[0].count == 1 })
  func scoresAreThoseOfTheImage(family: VisionFamily) throws {
    let run = try VisionRun(family).run, train = try run.train()
    _ = try train.run()
    let scores = try LineStream(ModelChoice(train.folder.path), .score, folder: run.folder)
    let text = try String(contentsOfFile: run.folder + "/train.jsonl", encoding: .utf8)
    var waiting = [text.split(separator: "\n").map(String.init)][...], means = [Double]()
    try scores.run(source: "train.jsonl", next: { _ in waiting.popFirst() }) { line in
      means.append(try JSONReader(JSON(parsing: line, path: ""), path: "").double(at: "mean"))
    }
    #expect(means.count == 8)
    #expect(zip(means, 0...).allSatisfy { abs($0 - ($1 % 2 == 0 ? 1 : 8)) < 1.5 }, "\(means)")
  }

  /// One after another, together, and with a text that shows nothing among them: the same answers.
  @Test(arguments: VisionFamily.all) func companyDoesNotChangeAnswers(family: VisionFamily) throws {
    let seeing = try VisionRun(family)
    var asked = (0..<8).map {
      #"{"id": "\#($0)", "prompt": "\#(family.marks[0] + family.prompt)", "images": ["\#($0).png"]}"#
    }
    asked.append(#"{"id": "text", "prompt": "3 + 4 = "}"#)
    asked.append(#"{"id": "two", "prompt": "<image><image>\#(family.prompt)", "images": ["0.png", "6.png"]}"#)
    let together = try seeing.generate(seeing.model, asked)
    #expect(together == (try asked.flatMap { try seeing.generate(seeing.model, [$0]) }))
    #expect(together.count == 10)
  }

  /// However a step is laid out, its loss is the same; contrastive passes read an image twice.
  @Test(arguments: VisionFamily.all) func layoutDoesNotChangeTheLoss(family: VisionFamily) throws {
    let seeing = try VisionRun(family), packed = try seeing.loss("train.packing=\(family.packing)")
    #expect(packed.isFinite)
    for other in ["train.packing=0", "train.microBatch=1", "train.checkpointActivations=true"] {
      #expect(abs(try seeing.loss(other) - packed) < 1e-5, "\(other)")
    }
  }

  /// A tower that is kept as it is, and adapters by the names of the family: all learn, and answer from their
  /// checkpoints.
  @Test(arguments: VisionFamily.all.flatMap { family in family.parts.map { (family, $0) } })
  func partsCanBeTrained(family: VisionFamily, override: String) throws {
    let seeing = try VisionRun(family), train = try seeing.run.train(override, "train.samples=0")
    let finish = try train.run()
    #expect(try #require(finish.losses.last) < (try #require(finish.losses.first)))
    let asked = (0..<2).map { #"{"prompt": "\#(family.marks[0] + family.prompt)", "images": ["\#($0).png"]}"# }
    #expect(try seeing.generate(train.folder.path, asked).count == 2)
    let model = try ModelChoice(train.folder.path).load()
    let adapters = model.parameters().filter { $0.key.hasSuffix("lora_A.weight") }
    #expect(adapters.isEmpty != override.contains("lora"))
  }

  /// Shipped run files, with a tiny model and one line in place of what they name.
  @Test(arguments: [
    ("phi35-vision", VisionFamily.phi3, "[261, 10, 374, 83]", 10), ("llava-1.5-7b", .phi3, "[261, 10, 374, 83]", 10),
    ("paligemma2-3b", .paliGemma, "<loc0100><loc0200><loc0300><loc0400>", 4), ("smolvlm-256m", .smolVLM, "8", 1),
    ("qwen25-vl-3b", .qwen25, #"{\"bbox_2d\": [261, 10, 374, 83]}"#, 10),
    ("qwen3-vl-2b", .qwen3, #"{\"bbox_2d\": [261, 10, 374, 83]}"#, 10),
    ("gemma3-4b", .gemma3, "[261, 10]", 5), ("llava-onevision-0.5b", .llavaOnevision, "[261, 10]", 5),
  ])
  func runFilesRunDry(file: String, family: VisionFamily, answer: String, metrics: Int) throws {
    let seeing = try VisionRun(family), data = seeing.run.folder + "/dry.jsonl"
    let line = #"{"prompt": "Where?", "completion": "\#(answer)", "images": ["images/1.png"]}"# + "\n"
    try AtomicFile.write(line.utf8, to: data)
    let settings = try RunSettings(
      file: "\(configsFolder)/grounding/\(file).yaml",
      overrides: ["model=\"\(seeing.model)\"", "data.folder=", "data.train=\"\(data)\""])
    let dataset = try RunArtifacts(settings).dataset(data), example = try dataset.example(0)
    #expect(example.images.count == 1)
    #expect(example.metrics.count == metrics)
    #expect(dataset.summary.metrics.allSatisfy { $0.uncovered == 0 })
    guard family.name == "phi" else { return }
    // Those of the paper.
    #expect(settings.train.length == .epochs(3))
    #expect(settings.train.learningRate == 2e-5)
    #expect(settings.train.schedule == Schedule(.linear, warmUp: .steps(100)))
  }

  /// The preparation of images as newer versions of transformers write it.
  @Test(arguments: [VisionFamily.llava, .paliGemma, .smolVLM, .qwen25, .gemma3, .llavaOnevision])
  func preparationMayStandInTheProcessor(family: VisionFamily) throws {
    let seeing = try VisionRun(family), folder = seeing.model
    let before = try seeing.run.artifacts().dataset(seeing.run.folder + "/train.jsonl").example(0)
    let own = try JSONReader(file: folder + "/preprocessor_config.json").value
    try AtomicFile.write(["image_processor": own] as JSON, to: folder + "/processor_config.json")
    try FileManager.default.removeItem(atPath: folder + "/preprocessor_config.json")
    let after = try seeing.run.artifacts().dataset(seeing.run.folder + "/train.jsonl").example(0)
    #expect(after.ids == before.ids)
  }

  /// Images of another size than the tower reads, or other tokens than the model has.
  @Test(arguments: VisionRefusal.all) func otherPreparationsAreRefused(_ refusal: VisionRefusal) throws {
    let seeing = try VisionRun(refusal.family), path = seeing.model + "/preprocessor_config.json"
    let old = try JSONReader(file: path).value
    try AtomicFile.write(old.replacing(refusal.key, with: refusal.value), to: path)
    do {
      _ = try seeing.run.artifacts()
      Issue.record("nothing was thrown")
    } catch { #expect("\(error)".contains(refusal.words), "\(error)") }
  }
}

/// A key of `preprocessor_config.json` that does not fit a family's model, and words of what is said of it.
struct VisionRefusal: Sendable, CustomTestStringConvertible {
  let family: VisionFamily, key: String, value: JSON, words: String

  init(_ family: VisionFamily, _ key: String, _ value: JSON, _ words: String) {
    (self.family, self.key, self.value, self.words) = (family, key, value, words)
  }

  var testDescription: String { "\(family.name) \(key)" }

  static let all = [
    VisionRefusal(.llava, "crop_size", ["height": 24, "width": 24], "crop_size"),
    VisionRefusal(.paliGemma, "size", ["height": 12, "width": 12], "10 x 10"),
    VisionRefusal(.smolVLM, "max_image_size", ["longest_edge": 24], "max_image_size.longest_edge"),
    VisionRefusal(.phi3, "image_processor_type", "CLIPImageProcessor", "Phi3VImageProcessor"),
    VisionRefusal(.phi3, "num_img_tokens", 144, "num_img_tokens"),
    VisionRefusal(
      .qwen25, "patch_size", 8, "key patch_size: expected 4, as the vision tower of config.json has it, found 8"),
    VisionRefusal(.qwen3, "merge_size", 1, "key merge_size: expected 2"),
    VisionRefusal(.qwen3, "temporal_patch_size", 1, "key temporal_patch_size: expected 2"),
    VisionRefusal(.gemma3, "do_pan_and_scan", true, "do_pan_and_scan"),
    VisionRefusal(.gemma3, "size", ["height": 8, "width": 8], "12 x 12"),
    VisionRefusal(.llavaOnevision, "size", ["height": 8, "width": 8], "size.height"),
    VisionRefusal(.llavaOnevision, "image_grid_pinpoints", [[16, 16]], "image_grid_pinpoints"),
    VisionRefusal(.llavaOnevision, "image_processor_type", "CLIPImageProcessor", "LlavaOnevisionImageProcessor"),
  ]
}
