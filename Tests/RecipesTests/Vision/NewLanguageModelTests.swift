// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import Torch
import TokenData
import TokenModels
import TorchNN

/// Language models of our own that read bytes.
@Suite struct NewLanguageModelTests {
  private let run: TinyRun

  init() throws { run = try TinyRun(data: TinyRun.sums(2), yaml: "model: model\n") }

  @Test func everyByteIsAToken() throws {
    let folder = run.folder + "/lm"
    let count = try NewLanguageModel(width: 24, layers: 2, heads: 3, contextLength: 64, seed: 5).write(to: folder)
    // 320 embeddings twice; a layer: q, k, v, o, three of 24 x 72, two norms; the last norm.
    #expect(count == 2 * 320 * 24 + 2 * (4 * 24 * 24 + 3 * 24 * 72 + 2 * 24) + 24)
    let tokenizer = try Tokenizer(folder: folder), text = "[480, 7] ä € 🙂\n"
    #expect(tokenizer.ids(of: text) == text.utf8.map { Int32($0) })
    #expect(tokenizer.decode(text.utf8.map { Int32($0) }) == text)
    #expect(tokenizer.ids(of: "1<|endoftext|>") == [49, 256])
    let model = try loadModel(folder: folder)
    #expect(model.contextLength == 64)
    #expect(model.vocabularySize == 320)
    // Words are tokens of their own behind the bytes, and come back as they were.
    var wordy = NewLanguageModel(width: 16, layers: 1, heads: 2)
    wordy.words = [" red", "red", " one"]
    try wordy.write(to: run.folder + "/words")
    let reader = try Tokenizer(folder: run.folder + "/words")
    #expect(reader.ids(of: "red reds one1") == [258, 257, 115, 259, 49])
    #expect(reader.decode([258, 257, 115, 259, 49]) == "red reds one1")
    #expect(reader.count == 260)
    for words in [["ab", "ab"], [""], ["x1"], ["a"]] {
      wordy.words = words
      #expect(throws: InputError.self) { try wordy.write(to: run.folder + "/none") }
    }
    try NewLanguageModel(width: 24, layers: 2, heads: 3, contextLength: 64, seed: 6).write(to: run.folder + "/other")
    #expect(try run.bytes("lm/model.safetensors") != run.bytes("other/model.safetensors"))
    #expect(throws: InputError.self) {
      try NewLanguageModel(width: 25, layers: 2, heads: 3).write(to: run.folder + "/odd")
    }
  }

  /// A vision model made of it has the image's token after the bytes, and trains.
  @Test func becomesAVisionModel() throws {
    try NewLanguageModel(width: 16, layers: 1, heads: 2).write(to: run.folder + "/lm")
    let vision = VisionConfiguration(
      hiddenSize: 16, intermediateSize: 32, layers: 1, heads: 2, imageSize: 16, patchSize: 8)
    try NewVisionModel(vision: vision).write(language: run.folder + "/lm", to: run.folder + "/vlm")
    let model = try #require(try loadModel(folder: run.folder + "/vlm") as? Llava)
    #expect(model.imageToken == 257)
    #expect(try Tokenizer(folder: run.folder + "/vlm").ids(of: "a<image>1") == [97, 257, 49])
    // Positions begin as waves: of column 1 and row 0, frequencies from π/4 to π a patch in four steps.
    let weights = try CheckpointWeights(folder: run.folder + "/vlm")
    let table = try weights.tensor("vision_tower.vision_model.embeddings.position_embedding.weight")
    #expect(table.shape == [5, 16])
    #expect(table.select(0, 0).abs().max().item() == 0)
    let angles = (0..<4).map { Double.pi / 4 * pow(4, Double($0) / 3) }
    let expected = angles.map { sin($0) } + angles.map { cos($0) } + [0, 0, 0, 0, 1, 1, 1, 1]
    let found = table.select(0, 2).array(of: Float.self)
    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }, "\(found)")
    // 192 pixels of a patch, normalised, keep their size.
    let kernel = try weights.tensor("vision_tower.vision_model.embeddings.patch_embedding.weight")
    #expect(abs(kernel.norm().item() / 16.0.squareRoot() - 1) < 0.1)
  }
}
