// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Prompts and images as PaliGemma's processor makes them: Tests/Fixtures/paligemma/make.py.
@Suite struct PaliGemmaPromptTests {
  private struct Prompts: Decodable {
    struct Case: Decodable {
      let prompt: String, answer: String, images: Int
      let asked: [Int32], ids: [Int32], learnt: [Int]
    }
    let image: Int32, cases: [Case]
  }

  private let folder = imageFixture("../paligemma/processor")
  private let encoder: ExampleEncoder, prompts: Prompts

  init() throws {
    let tokenizer = try Tokenizer(folder: folder)
    prompts = try JSONDecoder().decode(
      Prompts.self, from: Data(contentsOf: URL(filePath: folder + "/prompts.json")))
    var encoder = ExampleEncoder(tokenizer, end: tokenizer.roles.end)
    encoder.images = ImageTokens(
      id: prompts.image, mark: "<image>", preparation: .single(try ImagePreparation(folder: folder), tokens: 4),
      layout: .imagesBeforeBegin(begin: "<bos>"))
    self.encoder = encoder
  }

  @Test func idsEqualTheProcessors() throws {
    #expect(prompts.cases.count == 6)
    for wanted in prompts.cases {
      let record = Record(
        .promptCompletion(wanted.prompt, wanted.answer),
        images: [String](repeating: imageFixture("rgb.png"), count: wanted.images), source: "line")
      #expect(try encoder.question(record).ids == wanted.asked, "\(wanted.prompt)")
      let example = try encoder.encode(record)
      #expect(example.ids == wanted.ids, "\(wanted.prompt)")
      #expect(example.supervised == wanted.learnt.map { $0 == 1 }, "\(wanted.prompt)")
      #expect(example.images.count == wanted.images)
      for image in example.images { #expect(image.tokens.allSatisfy { example.ids[$0] == prompts.image }) }
      // What is seen in both directions in training is what is asked.
      #expect(TokenBatch([example]).promptLengths == [[wanted.asked.count]])
    }
  }

  @Test func otherRecords() throws {
    // Without an image the question is written alike; a text is all answer.
    let plain = try encoder.question(Record(.promptCompletion("detect cat", nil), source: "line"))
    #expect(encoder.tokenizer.decode(plain.ids, skipSpecialTokens: false) == "<bos>detect cat\n")
    let text = try encoder.encode(Record(.text("cat"), images: [imageFixture("rgb.png")], source: "line"))
    #expect(
      encoder.tokenizer.decode(text.ids, skipSpecialTokens: false) == "<image><image><image><image><bos>\ncat<eos>")
    #expect(text.supervised.count { $0 } == 2)
    expectRefusal("line", "as many images", "2", "found 1") {
      _ = try encoder.question(
        Record(.promptCompletion("<image><image>", nil), images: [imageFixture("rgb.png")], source: "line"))
    }
    // A chat template writes the prompt by itself.
    var chat = encoder
    chat.template = .chatml
    let messages = Record.Content.messages([ChatMessage(.user, "<image>cat")])
    let ids = try chat.question(Record(messages, images: [imageFixture("rgb.png")], source: "line")).ids
    #expect(!ids.contains(encoder.tokenizer.roles.begin ?? -1))
  }

  @Test func imagesEqualTheProcessors() throws {
    let file = try SafetensorsFile(folder + "/images.safetensors")
    let preparation = try ImagePreparation(folder: folder)
    #expect(file.tensors.count == 6)
    for tensor in file.tensors {
      let sides = tensor.name.split(separator: "x").compactMap { Int($0) }
      let prepared = try preparation.prepare(PixelImage.ruled(height: sides[0], width: sides[1]), path: tensor.name)
      let wanted = tensor.withBytes { Array($0.bindMemory(to: Float.self)) }
      let worst = zip(prepared.values, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(prepared.values.count == wanted.count && worst <= 1e-6, "\(tensor.name): \(worst)")
    }
    // Without keys, SigLIP's own.
    let usual = try ImagePreparation(
      JSONReader(["image_processor_type": "SiglipImageProcessorFast"], path: "preprocessor_config.json"))
    #expect(usual.size == .exact(height: 224, width: 224) && usual.crop == (224, 224) && usual.mean == [0.5, 0.5, 0.5])
  }
}
