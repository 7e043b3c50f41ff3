// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Prompts and images as Gemma 3's processor makes them: Tests/Fixtures/gemma3/make.py.
@Suite struct Gemma3PromptTests {
  private struct Prompts: Decodable {
    struct Case: Decodable {
      struct Message: Decodable {
        struct Part: Decodable { let type: String, text: String? }
        let role: ChatMessage.Role, content: [Part]
      }
      let text: String?, messages: [Message]?, images: Int, ids: [Int32]
    }
    let image: Int32, cases: [Case]
  }

  private let folder = imageFixture("../gemma3/processor")
  private let encoder: ExampleEncoder, prompts: Prompts

  init() throws {
    let tokenizer = try Tokenizer(folder: folder), mark = "<start_of_image>"
    prompts = try JSONDecoder().decode(
      Prompts.self, from: Data(contentsOf: URL(filePath: folder + "/prompts.json")))
    var encoder = ExampleEncoder(tokenizer, end: nil)
    encoder.images = ImageTokens(
      id: prompts.image, mark: mark, preparation: .single(try ImagePreparation(folder: folder), tokens: 4),
      layout: .imagesApart("\n\n<start_of_image><image_soft_token><end_of_image>\n\n"))
    let source = try String(contentsOfFile: folder + "/chat_template.jinja", encoding: .utf8)
    var template = try InterpretedTemplate(source, path: "chat_template.jinja", tokenizer: tokenizer)
    template.imageMark = mark
    encoder.template = .interpreted(template)
    self.encoder = encoder
  }

  private func record(_ content: Record.Content, images: Int) -> Record {
    Record(content, images: [String](repeating: imageFixture("rgb.png"), count: images), source: "line")
  }

  @Test func idsEqualTheProcessors() throws {
    #expect(prompts.cases.count == 6)
    for wanted in prompts.cases {
      let content: Record.Content
      if let messages = wanted.messages {
        content = .messages(
          messages.map { message in
            ChatMessage(message.role, message.content.map { $0.text ?? "<start_of_image>" }.joined())
          })
      } else {
        content = .promptCompletion(wanted.text ?? "", nil)
      }
      let question = try encoder.question(record(content, images: wanted.images))
      #expect(question.ids == wanted.ids, "\(wanted.text ?? "conversation")")
      #expect(question.images.count == wanted.images)
      for image in question.images {
        #expect(image.count == 4 && image.tokens.allSatisfy { question.ids[$0] == prompts.image })
      }
    }
  }

  /// The answer is learnt, and nothing else, wherever images stand before it; `<image>` is a mark as well.
  @Test func answersStayWhereTheyAre() throws {
    let messages = [
      ChatMessage(.user, "<image>cat<start_of_image>where?"), ChatMessage(.assistant, "[12, 48]"),
    ]
    for content in [Record.Content.messages(messages), .promptCompletion("<image>cat<image>", "[12, 48]")] {
      let analysis = try encoder.analyze(record(content, images: 2)), example = analysis.example
      let learnt = zip(example.ids, example.supervised).filter(\.1).map(\.0)
      #expect(encoder.tokenizer.decode(learnt, skipSpecialTokens: false).hasPrefix("[12, 48]"))
      #expect(example.images.map(\.count) == [4, 4])
      #expect(example.images.allSatisfy { $0.tokens.allSatisfy { !example.supervised[$0] } })
    }
    // Without a mark images stand first.
    let asked = try encoder.question(record(.promptCompletion("cat", nil), images: 1))
    let written = encoder.tokenizer.decode(asked.ids, skipSpecialTokens: false)
    let image = String(repeating: "<image_soft_token>", count: 4)
    #expect(written == "<bos>\n\n<start_of_image>\(image)<end_of_image>\n\ncat")
    expectRefusal("line", "as many images", "2", "found 1") {
      _ = try encoder.question(record(.promptCompletion("<image><start_of_image>", nil), images: 1))
    }
  }

  @Test func imagesEqualTheProcessors() throws {
    let file = try SafetensorsFile(folder + "/images.safetensors")
    let preparation = try ImagePreparation(folder: folder)
    #expect(preparation.filter == .bilinear)
    #expect(file.tensors.count == 6)
    for tensor in file.tensors {
      let sides = tensor.name.split(separator: "x").compactMap { Int($0) }
      let prepared = try preparation.prepare(.ruled(height: sides[0], width: sides[1]), path: tensor.name)
      let wanted = tensor.withBytes { Array($0.bindMemory(to: Float.self)) }
      let worst = zip(prepared.values, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(prepared.values.count == wanted.count && worst <= 1e-6, "\(tensor.name): \(worst)")
    }
  }

  @Test func otherPreparationsAreRefused() throws {
    func read(_ key: String, _ value: JSON) throws -> ImagePreparation {
      guard case .object(var object) = try JSONReader(file: folder + "/preprocessor_config.json").value else {
        return try ImagePreparation(folder: folder)
      }
      object[key] = value
      return try ImagePreparation(JSONReader(.object(object), path: "p.json"))
    }
    #expect(try read("do_pan_and_scan", .null) == ImagePreparation(folder: folder))
    expectRefusal("do_pan_and_scan", "false") { _ = try read("do_pan_and_scan", true) }
    expectRefusal("do_pad", "false") { _ = try read("do_pad", true) }
    expectRefusal("image_processor_type", "Gemma3ImageProcessor") { _ = try read("image_processor_type", "Gemma4") }
  }
}
