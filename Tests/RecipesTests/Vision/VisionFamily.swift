// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import TestSupport
import Testing
import TokenData
import TokenModels
import Torch
import Training

/// A family of models that see, as run tests have it: a tiny model with fresh weights, and how it is taught and asked.
struct VisionFamily: Sendable, CustomTestStringConvertible {
  /// What the model's folder is called.
  let name: String
  /// Ways to show an image before the prompt. Lines to learn have the first ones.
  var marks = ["<image>", ""]
  var prompt = "n = "
  /// Of dark and of bright images.
  var answers = ["1", "8"]
  /// Keys of the run file besides files and steps.
  var metrics = "[{ name: n, tokens: digits, temperature: 0.3, contrast: { radius: 1, passes: 2 } }]"
  var template = ""
  var evaluate = ""
  var steps = 40
  var maxNewTokens = 2
  var packing = 64
  /// Largest mean absolute error after training.
  var error = 0.0
  /// Different numbers of tokens that the images take at least.
  var sizes = 1
  /// Files that a checkpoint has besides weights, configuration and tokenizer.
  var files = ["preprocessor_config.json"]
  /// Settings that train a part of the model.
  let parts: [String]
  /// Makes the model's folder in that of a run.
  let write: @Sendable (_ run: String) throws -> Void

  var testDescription: String { name }

  /// Every family. To add one: its value, in an extension.
  static let all = [llava, phi3, paliGemma, smolVLM, qwen25, qwen3, gemma3, llavaOnevision]
}

/// A run of a family: dark and bright images, whose number is told. Nothing but the image says which.
struct VisionRun {
  let family: VisionFamily
  let run: TinyRun
  var images: String { run.folder + "/images" }
  var model: String { run.folder + "/" + family.name }

  init(_ family: VisionFamily) throws {
    self.family = family
    let lines = (0..<8).map { index in
      let prompt = family.marks[index / 4 % family.marks.count] + family.prompt
      return #"{"id": "image \#(index)", "prompt": "\#(prompt)", "completion": "\#(family.answers[index % 2])", "#
        + "\"images\": [\"images/\(index).png\"]}\n"
    }
    run = try TinyRun(
      data: lines.joined(),
      yaml: """
        model: \(family.name)
        data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl\(family.template) }
        metrics: \(family.metrics)
        train:
          { steps: \(family.steps), batch: 4, learningRate: 0.01, validateEvery: 20, checkpointEvery: 20, samples: 1,
            packing: \(family.packing) }
        evaluate: { \(family.evaluate)maxNewTokens: \(family.maxNewTokens) }
        """)
    try makeFolders(images)
    for index in 0..<8 {
      let level = UInt8(index % 2 == 0 ? index * 5 : 255 - index * 5), height = [6, 20, 12, 40][index / 2]
      let bytes = [UInt8](repeating: level, count: 20 * height * 3)
      try PixelImage(width: 20, height: height, channels: 3, bytes: bytes).writePNG(to: images + "/\(index).png")
    }
    try family.write(run.folder)
  }

  /// Answers to lines whose images are in ``images``.
  func generate(_ name: String, _ lines: [String]) throws -> [String] {
    let stream = try LineStream(ModelChoice(name), .generate, folder: images) {
      $0.options.maxNewTokens = family.maxNewTokens
    }
    var rest = [lines][...], answers = [String]()
    try stream.run(source: "questions.jsonl", next: { _ in rest.popFirst() }) { answers.append($0) }
    return answers
  }

  /// Loss of the first step.
  func loss(_ override: String) throws -> Double {
    let train = try run.train(
      "train.steps=1", "train.samples=0", "output=\"\(run.folder)/\(UUID().uuidString)\"", override)
    train.keepsCheckpoints = false
    var loss = Double.nan
    train.observe = { event in if case .step(let step) = event { loss = step.loss } }
    _ = try train.run()
    return loss
  }
}

extension JSON {
  /// An added token of `tokenizer.json`.
  static func added(_ content: String, id: Int, special: Bool) -> JSON {
    [
      "id": .int(id), "content": .string(content), "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": false, "special": .bool(special),
    ]
  }
}

/// Adds tokens to the `tokenizer.json` of a folder.
func add(_ tokens: [JSON], to folder: String) throws {
  let path = folder + "/tokenizer.json", file = try JSONReader(file: path)
  let old = try file.ifPresent("added_tokens")?.array() ?? []
  try AtomicFile.write(file.value.replacing("added_tokens", with: .array(old + tokens)), to: path)
}

/// A folder of `Tests/Fixtures`.
func visionFixture(_ name: String) -> String {
  URL(filePath: importFixtures).deletingLastPathComponent().appending(path: name).path
}
