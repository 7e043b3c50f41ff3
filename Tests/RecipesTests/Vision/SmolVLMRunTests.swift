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

/// A tiny SmolVLM with fresh weights, from a run file to answers. Its images are as many views as their shapes ask for.
@Suite struct SmolVLMRunTests {
  private let run: TinyRun

  /// Dark and bright images, whose number is told: nothing but the image says which.
  init() throws {
    let lines = (0..<8).map { index in
      #"{"id": "image \#(index)", "prompt": "\#(index < 4 ? "<image>" : "")Where?", "completion": "#
        + "\"\(index % 2 == 0 ? 1 : 8)\", \"images\": [\"images/\(index).png\"]}\n"
    }
    run = try TinyRun(
      data: lines.joined(),
      yaml: """
        model: smolvlm
        data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl, template: model }
        metrics: [{ name: n, tokens: digits, temperature: 0.3, contrast: { radius: 1, passes: 2 } }]
        train: { steps: 40, batch: 4, learningRate: 0.01, validateEvery: 20, checkpointEvery: 20, samples: 1, packing: 192 }
        evaluate: { maxNewTokens: 2 }
        """)
    try makeFolders(run.folder + "/images")
    for index in 0..<8 {
      let level = UInt8(index % 2 == 0 ? index * 5 : 255 - index * 5), height = [6, 20, 12, 40][index / 2]
      let bytes = [UInt8](repeating: level, count: 20 * height * 3)
      try PixelImage(width: 20, height: height, channels: 3, bytes: bytes)
        .writePNG(to: run.folder + "/images/\(index).png")
    }
    let fixture = URL(filePath: importFixtures).deletingLastPathComponent().appending(path: "smolvlm/processor").path
    let tokenizer = try Tokenizer(folder: fixture), image = try #require(tokenizer.id(of: "<image>"))
    let config: JSON = [
      "architectures": ["SmolVLMForConditionalGeneration"], "model_type": "smolvlm", "image_token_id": .int(Int(image)),
      "scale_factor": 2,
      "text_config": [
        "model_type": "llama", "vocab_size": .int(tokenizer.count), "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
      ],
      "vision_config": [
        "model_type": "smolvlm_vision", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 4,
      ],
    ]
    let model = try SmolVLM(config: JSONReader(config, path: "config.json"))
    model.initialise(generator: Generator(seed: 5), dtype: .float32, device: .cpu)
    try model.save(to: run.folder + "/smolvlm", tokenizer: fixture)
  }

  private func generate(_ name: String, _ lines: [String], _ overrides: String...) throws -> [String] {
    let stream = try LineStream(ModelChoice(name), .generate, folder: run.folder + "/images") {
      $0.options.maxNewTokens = 2
    }
    var rest = [lines][...], answers = [String]()
    try stream.run(source: "questions.jsonl", next: { _ in rest.popFirst() }) { answers.append($0) }
    return answers
  }

  @Test func trainsOnImagesOfEveryShapeAndAnswers() throws {
    let artifacts = try run.artifacts(), dataset = try artifacts.dataset(run.folder + "/train.jsonl")
    let examples = try (0..<dataset.count).map { try dataset.example($0) }
    #expect(Set(examples.map { $0.images[0].count }).count >= 3)
    // As the template writes an image that is a part of a message: nothing between it and the mark of the speaker.
    let text = artifacts.tokenizer.decode(examples[0].ids, skipSpecialTokens: false)
    #expect(text.hasPrefix("<|im_start|>User:<fake_token_around_image><row_1_col_1><image>"), "\(text)")
    #expect(
      text.contains("<fake_token_around_image>Where?<end_of_utterance>\nAssistant: 1<end_of_utterance>"), "\(text)")
    let train = try run.train(), finish = try train.run()
    #expect(finish.step == 40)
    #expect(fileExists(train.chosenCheckpoint(finish) + "/preprocessor_config.json"))
    let asked = (0..<8).map { #"{"prompt": "Where?", "images": ["\#($0).png"]}"# }
    for (index, answer) in try generate(train.folder.path, asked).enumerated() {
      #expect(answer.contains("\(index % 2 == 0 ? 1 : 8)\""), "\(answer)")
    }
  }

  /// However a step is laid out, its loss is the same; contrastive passes read an image twice.
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
    let packed = try loss("train.packing=192")
    #expect(packed.isFinite)
    for other in ["train.packing=0", "train.microBatch=1", "train.checkpointActivations=true"] {
      #expect(abs(try loss(other) - packed) < 1e-5, "\(other)")
    }
  }

  /// One after another and together, with a text that shows nothing among them: the same answers.
  @Test func companyDoesNotChangeAnswers() throws {
    var asked = (0..<8).map { #"{"id": "\#($0)", "prompt": "Where?", "images": ["\#($0).png"]}"# }
    asked.append(#"{"id": "text", "prompt": "3 + 4 = "}"#)
    asked.append(#"{"id": "two", "prompt": "<image> or <image>?", "images": ["0.png", "6.png"]}"#)
    let together = try generate(run.folder + "/smolvlm", asked)
    let alone = try asked.flatMap { try generate(run.folder + "/smolvlm", [$0]) }
    #expect(together == alone)
  }

  /// The shipped run file, with this model and these lines in place of what it names.
  @Test func theRunFileRunsDry() throws {
    let settings = try RunSettings(
      file: "\(configsFolder)/grounding/smolvlm-256m.yaml",
      overrides: ["model=\"\(run.folder)/smolvlm\"", "data.folder=", "data.train=\"\(run.folder)/train.jsonl\""])
    // As newer versions of transformers write the preparation of images.
    let folder = run.folder + "/smolvlm", own = try JSONReader(file: folder + "/preprocessor_config.json").value
    try AtomicFile.write(["image_processor": own] as JSON, to: folder + "/processor_config.json")
    try FileManager.default.removeItem(atPath: folder + "/preprocessor_config.json")
    let artifacts = try RunArtifacts(settings), dataset = try artifacts.dataset(run.folder + "/train.jsonl")
    #expect(try dataset.example(0).metrics.count == 1)
    #expect(dataset.summary.metrics.allSatisfy { $0.uncovered == 0 })
  }

  /// Views of another size than the tower reads.
  @Test func otherPreparationsAreRefused() throws {
    let path = run.folder + "/smolvlm/preprocessor_config.json"
    guard case .object(var object) = try JSONReader(file: path).value else { return }
    object["max_image_size"] = ["longest_edge": 24]
    try AtomicFile.write(JSON.object(object), to: path)
    do {
      _ = try run.artifacts()
      Issue.record("nothing was thrown")
    } catch { #expect("\(error)".contains("max_image_size.longest_edge"), "\(error)") }
  }
}
