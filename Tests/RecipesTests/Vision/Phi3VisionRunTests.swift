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

/// A tiny Phi-3-Vision with fresh weights, from a run file to answers. Its images take different numbers of tokens.
@Suite struct Phi3VisionRunTests {
  private let run: TinyRun

  /// Dark and bright images, whose number is told: nothing but the image says which.
  init() throws {
    let lines = (0..<8).map { index in
      #"{"id": "image \#(index)", "prompt": "n = ", "completion": "\#(index % 2 == 0 ? 1 : 8)", "images": "#
        + "[\"images/\(index).png\"]}\n"
    }
    run = try TinyRun(
      data: lines.joined(),
      yaml: """
        model: phi
        data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl }
        metrics: [{ name: n, tokens: digits, temperature: 0.3, contrast: { radius: 1, passes: 2 } }]
        train: { steps: 40, batch: 4, learningRate: 0.01, validateEvery: 20, checkpointEvery: 20, samples: 1, packing: 96 }
        evaluate: { maxNewTokens: 2 }
        """)
    try makeFolders(run.folder + "/images")
    for index in 0..<8 {
      let level = UInt8(index % 2 == 0 ? index * 5 : 255 - index * 5), height = [6, 20, 12, 40][index / 2]
      let bytes = [UInt8](repeating: level, count: 20 * height * 3)
      try PixelImage(width: 20, height: height, channels: 3, bytes: bytes)
        .writePNG(to: run.folder + "/images/\(index).png")
    }
    try writeModel()
  }

  /// A folder as the published one: no `vision_config` but for the sizes, marks known to the tokenizer, a processor.
  private func writeModel() throws {
    let base = run.folder + "/model", mark = try Tokenizer(folder: base).count
    let config: JSON = [
      "architectures": ["Phi3VForCausalLM"], "model_type": "phi3_v", "vocab_size": .int(mark + 1), "hidden_size": 32,
      "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
      "max_position_embeddings": 256, "sliding_window": 262_144, "tie_word_embeddings": false,
      "image_token_index": .int(mark),
      "embd_layer": [
        "embedding_cls": "image", "hd_transform_order": "sub_glb", "projection_cls": "mlp", "use_hd_transform": true,
        "with_learnable_separator": true,
      ],
      "img_processor": [
        "name": "clip_vision_model", "model_name": "tiny", "image_dim_out": 16, "num_img_tokens": 4,
      ],
      "vision_config": [
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8,
        "patch_size": 2,
      ],
    ]
    let model = try Phi3Vision(config: JSONReader(config, path: "config.json"))
    model.initialise(generator: Generator(seed: 5), dtype: .float32, device: .cpu)
    try model.save(to: run.folder + "/phi", tokenizer: base) { partial in
      let path = partial + "/tokenizer.json", file = try JSONReader(file: path)
      guard case .object(var tokenizer) = file.value else { return }
      let tokens = try file.ifPresent("added_tokens")?.array() ?? []
      tokenizer["added_tokens"] = .array(
        tokens + [
          [
            "id": .int(mark), "content": "<|image|>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
          ]
        ])
      try AtomicFile.write(JSON.object(tokenizer).text().utf8, to: path)
      let processor: JSON = [
        "image_processor_type": "Phi3VImageProcessor", "processor_class": "Phi3VProcessor", "num_crops": 4,
        "num_img_tokens": 4,
      ]
      try AtomicFile.write(processor.text().utf8, to: partial + "/preprocessor_config.json")
      try AtomicFile.write("# runs nowhere\n".utf8, to: partial + "/modeling_phi3_v.py")
    }
  }

  private func generate(_ name: String, _ lines: [String], folder: String) throws -> [String] {
    let stream = try LineStream(ModelChoice(name), .generate, folder: folder) { $0.options.maxNewTokens = 2 }
    var rest = [lines][...], answers = [String]()
    try stream.run(source: "questions.jsonl", next: { _ in rest.popFirst() }) { answers.append($0) }
    return answers
  }

  @Test func trainsOnImagesOfEverySizeAndAnswers() throws {
    let dataset = try run.artifacts().dataset(run.folder + "/train.jsonl")
    let counts = try (0..<dataset.count).map { try dataset.example($0).images[0].count }
    #expect(Set(counts).count >= 3, "\(counts)")
    let train = try run.train(), finish = try train.run()
    #expect(finish.step == 40)
    #expect(try #require(finish.best).loss < 0.3)
    let checkpoint = train.chosenCheckpoint(finish)
    for name in ["config.json", "tokenizer.json", "preprocessor_config.json", "modeling_phi3_v.py"] {
      #expect(fileExists(checkpoint + "/" + name))
    }
    // A mark, a number, or nothing: the same image before the same question.
    let shown = ["<image>\\n", "<|image_1|>\\n", ""]
    let asked = (0..<8).flatMap { index in
      shown.map { #"{"prompt": "\#($0)n = ", "images": ["\#(index).png"]}"# }
    }
    let answers = try generate(train.folder.path, asked, folder: run.folder + "/images")
    for (index, answer) in answers.enumerated() {
      #expect(answer.contains(#""completion":"\#(index / 3 % 2 == 0 ? 1 : 8)"#), "\(answer)")
    }
    let choice = try ModelChoice(train.folder.path)
    let evaluated = try Evaluating(
      choice.artifacts, choice.load(), choice.artifacts.dataset(run.folder + "/train.jsonl"))
    #expect(evaluated.summary[.mae] == 0)
    let scores = try LineStream(choice, .score, folder: run.folder)
    let text = try String(contentsOfFile: run.folder + "/train.jsonl", encoding: .utf8)
    var waiting = [text.split(separator: "\n").map(String.init)][...], means = [Double]()
    try scores.run(source: "train.jsonl", next: { _ in waiting.popFirst() }) { line in
      means.append(try JSONReader(JSON(parsing: line, path: ""), path: "").double(at: "mean"))
    }
    #expect(means.count == 8)
    #expect(zip(means, 0...).allSatisfy { abs($0 - ($1 % 2 == 0 ? 1 : 8)) < 1.5 })
    // Training, validation and test read one file here.
    let warnings = try Inspection(choice.artifacts, terminal: quiet).warnings
    #expect(
      warnings.filter { !$0.contains("as well") && !$0.contains("second time") && !$0.contains("answers are") }.isEmpty,
      "\(warnings)")
  }

  /// One after another, together, and with a text that shows nothing among them: the same answers.
  @Test func companyDoesNotChangeAnswers() throws {
    var asked = (0..<8).map { #"{"id": "\#($0)", "prompt": "n = ", "images": ["\#($0).png"]}"# }
    asked.append(#"{"id": "text", "prompt": "3 + 4 = "}"#)
    asked.append(#"{"id": "two", "prompt": "n <|image_1|><|image_2|> = ", "images": ["0.png", "6.png"]}"#)
    let folder = run.folder + "/images"
    let together = try generate(run.folder + "/phi", asked, folder: folder)
    let alone = try asked.flatMap { try generate(run.folder + "/phi", [$0], folder: folder) }
    #expect(together == alone)
    #expect(together.count == 10)
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
    let packed = try loss("train.packing=96"), padded = try loss("train.packing=0")
    let single = try loss("train.microBatch=1"), recomputed = try loss("train.checkpointActivations=true")
    #expect(packed.isFinite)
    #expect(abs(packed - recomputed) < 1e-5)
    #expect(abs(packed - padded) < 1e-5, "\(packed), \(padded), \(single)")
    #expect(abs(packed - single) < 1e-5, "\(packed), \(padded), \(single)")
  }

  /// A tower that is kept as it is, and adapters by the names of Phi-3: both learn, and answer from their checkpoints.
  @Test(arguments: [
    "train.freeze=[\"model.vision_embed_tokens.img_processor.*\"]",
    "train.lora={ rank: 4, alpha: 16, targets: [qkv_proj, gate_up_proj] }",
    "train.lora={ rank: 4, targets: all-linear }",
  ])
  func partsCanBeTrained(override: String) throws {
    let train = try run.train(override, "train.samples=0")
    let finish = try train.run()
    let first = try #require(finish.losses.first), last = try #require(finish.losses.last)
    #expect(last < first)
    let asked = (0..<2).map { #"{"prompt": "n = ", "images": ["\#($0).png"]}"# }
    #expect(try generate(train.folder.path, asked, folder: run.folder + "/images").count == 2)
  }

  /// The run files for grounding, with this model and these few lines in place of what they name.
  @Test(arguments: ["phi35-vision", "llava-1.5-7b"]) func runFilesForGroundingRunDry(name: String) throws {
    let line = #"{"prompt": "Where?", "completion": "[261, 10, 374, 83]", "images": ["images/1.png"]}"# + "\n"
    try line.write(toFile: run.folder + "/valid.jsonl", atomically: true, encoding: .utf8)
    let settings = try RunSettings(
      file: "\(configsFolder)/grounding/\(name).yaml",
      overrides: ["model=\"\(run.folder)/phi\"", "data.folder=", "data.train=\"\(run.folder)/valid.jsonl\""])
    let artifacts = try RunArtifacts(settings), dataset = try artifacts.dataset(run.folder + "/valid.jsonl")
    let example = try dataset.example(0)
    #expect(example.images.count == 1)
    #expect(example.metrics.count == 10)
    #expect(dataset.summary.metrics.allSatisfy { $0.uncovered == 0 })
    #expect(settings.train.length == .epochs(3))
    #expect(settings.train.learningRate == 2e-5)
    #expect(settings.train.schedule == Schedule(.linear, warmUp: .steps(100)))
  }

  @Test func otherPreparationsAreRefused() throws {
    let path = run.folder + "/phi/preprocessor_config.json"
    func refusal(_ json: String) throws -> String {
      try json.write(toFile: path, atomically: true, encoding: .utf8)
      do {
        _ = try run.artifacts()
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(try refusal(#"{"image_processor_type": "CLIPImageProcessor"}"#).contains("Phi3VImageProcessor"))
    let count = try refusal(#"{"image_processor_type": "Phi3VImageProcessor", "num_img_tokens": 144}"#)
    #expect(count.contains("num_img_tokens"))
    #expect(count.contains("expected 4"))
  }
}
