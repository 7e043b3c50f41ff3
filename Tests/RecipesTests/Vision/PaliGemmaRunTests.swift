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

/// A tiny PaliGemma with fresh weights and its thousand coordinates, from a run file to answers.
@Suite struct PaliGemmaRunTests {
  private let run: TinyRun

  /// Dark and bright images, whose box is told: nothing but the image says which.
  init() throws {
    let boxes = ["<loc0100><loc0200><loc0300><loc0400>", "<loc0700><loc0600><loc0900><loc1000>"]
    let lines = (0..<8).map { index in
      #"{"id": "image \#(index)", "prompt": "\#(index < 4 ? "<image>" : "")detect cat", "completion": "#
        + "\"\(boxes[index % 2])\", \"images\": [\"images/\(index).png\"]}\n"
    }
    run = try TinyRun(
      data: lines.joined(),
      yaml: """
        model: paligemma
        data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl }
        metrics: paligemmaBoxes
        train: { steps: 60, batch: 4, learningRate: 0.01, validateEvery: 30, checkpointEvery: 30, samples: 1, packing: 64 }
        evaluate: { metrics: [parseRate, mae, iou], numbers: 4, maxNewTokens: 6 }
        """)
    try makeFolders(run.folder + "/images")
    for index in 0..<8 {
      let level = UInt8(index % 2 == 0 ? index * 5 : 255 - index * 5)
      let bytes = [UInt8](repeating: level, count: 20 * (12 + index) * 3)
      try PixelImage(width: 20, height: 12 + index, channels: 3, bytes: bytes)
        .writePNG(to: run.folder + "/images/\(index).png")
    }
    try writeModel()
  }

  /// The processor's tokenizer of the fixture with the rest of the coordinates.
  private func writeModel() throws {
    let fixture = URL(filePath: importFixtures).deletingLastPathComponent().appending(path: "paligemma/processor").path
    let image = try #require(Tokenizer(folder: fixture).id(of: "<image>"))
    let config: JSON = [
      "architectures": ["PaliGemmaForConditionalGeneration"], "model_type": "paligemma",
      "image_token_index": .int(Int(image)),
      "projection_dim": 16,
      "text_config": [
        "model_type": "gemma2", "vocab_size": 1344, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 128,
        "query_pre_attn_scalar": 8, "sliding_window": 6,
      ],
      "vision_config": [
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 10, "patch_size": 5, "vision_use_head": false,
      ],
    ]
    let model = try PaliGemma(config: JSONReader(config, path: "config.json"))
    model.initialise(generator: Generator(seed: 5), dtype: .float32, device: .cpu)
    try model.save(to: run.folder + "/paligemma", tokenizer: fixture) { partial in
      let path = partial + "/tokenizer.json", file = try JSONReader(file: path)
      guard case .object(var tokenizer) = file.value else { return }
      let tokens = try file.at("added_tokens").array()
      tokenizer["added_tokens"] = .array(
        tokens
          + (16..<1024).map { index in
            [
              "id": .int(Int(image) + 1 + index),
              "content": .string("<loc\(String(repeating: "0", count: 4 - "\(index)".count))\(index)>"),
              "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false,
            ]
          })
      try AtomicFile.write(JSON.object(tokenizer).text().utf8, to: path)
    }
  }

  private func generate(_ name: String, _ lines: [String]) throws -> [String] {
    let stream = try LineStream(ModelChoice(name), .generate, folder: run.folder + "/images") {
      $0.options.maxNewTokens = 6
    }
    var rest = [lines][...], answers = [String]()
    try stream.run(source: "questions.jsonl", next: { _ in rest.popFirst() }) { answers.append($0) }
    return answers
  }

  @Test func trainsOnCoordinatesAndAnswersWithThem() throws {
    let dataset = try run.artifacts().dataset(run.folder + "/train.jsonl"), example = try dataset.example(0)
    #expect(example.metrics.map(\.candidate) == [100, 200, 300, 400])
    let train = try run.train(), finish = try train.run()
    #expect(finish.step == 60)
    #expect(fileExists(train.chosenCheckpoint(finish) + "/preprocessor_config.json"))
    let asked = (0..<4).map { #"{"prompt": "detect cat", "images": ["\#($0).png"]}"# }
    for (index, answer) in try generate(train.folder.path, asked).enumerated() {
      #expect(answer.contains(index % 2 == 0 ? "<loc0100><loc0200><loc0300><loc0400>" : "<loc0700>"), "\(answer)")
    }
    let choice = try ModelChoice(train.folder.path)
    let evaluated = try Evaluating(
      choice.artifacts, choice.load(), choice.artifacts.dataset(run.folder + "/train.jsonl"))
    #expect(try #require(evaluated.summary[.iou]) > 0.95)
    #expect(try #require(evaluated.summary[.mae]) < 5)
  }

  /// However a step is laid out, its loss is the same, though prompts are seen whole.
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
    let packed = try loss("train.packing=64")
    #expect(packed.isFinite)
    for other in ["train.packing=0", "train.microBatch=1", "train.checkpointActivations=true"] {
      #expect(abs(try loss(other) - packed) < 1e-5, "\(other)")
    }
  }

  /// The shipped run file, with this model and these lines in place of what it names.
  @Test func theRunFileRunsDry() throws {
    let settings = try RunSettings(
      file: "\(configsFolder)/grounding/paligemma2-3b.yaml",
      overrides: ["model=\"\(run.folder)/paligemma\"", "data.folder=", "data.train=\"\(run.folder)/train.jsonl\""])
    let artifacts = try RunArtifacts(settings), dataset = try artifacts.dataset(run.folder + "/train.jsonl")
    #expect(try dataset.example(0).metrics.count == 4)
    #expect(dataset.summary.metrics.allSatisfy { $0.uncovered == 0 })
  }
}
